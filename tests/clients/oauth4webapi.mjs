// Everything an app does in its life, done by oauth4webapi, and what a backend does with the app's token.
import * as oauth from 'oauth4webapi';
import { done, privateKey, refusal, task, visit } from './conversation.mjs';

// The broker under test is on loopback, without TLS.
const loopback = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(task.issuer);
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, loopback));
const plain = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { ...loopback, algorithm: 'oauth2' }),
);
const client = { client_id: task.client_id };
const authentication = {
  client_secret_basic: () => oauth.ClientSecretBasic(task.secret),
  client_secret_post: () => oauth.ClientSecretPost(task.secret),
  none: () => oauth.None(),
};
const how = task.method === 'private_key_jwt' ? oauth.PrivateKeyJwt(await privateKey()) : authentication[task.method]();
const options = { ...loopback };
if (task.dpop) options.DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const nonce = oauth.generateRandomNonce();
let asked = new URLSearchParams({
  client_id: task.client_id,
  redirect_uri: task.redirect_uri,
  response_type: 'code',
  scope: 'openid profile offline_access',
  resource: task.audience,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
});
if (task.par) {
  const pushed = await oauth.processPushedAuthorizationResponse(
    as, client, await oauth.pushedAuthorizationRequest(as, client, how, asked, options),
  );
  asked = new URLSearchParams({ client_id: task.client_id, request_uri: pushed.request_uri });
}
const landed = await visit(`${as.authorization_endpoint}?${asked}`);
const answer = oauth.validateAuthResponse(as, client, landed, state);
const traded = await oauth.authorizationCodeGrantRequest(
  as, client, how, answer, task.redirect_uri, verifier, options,
);
const tokens = await oauth.processAuthorizationCodeResponse(as, client, traded, {
  expectedNonce: nonce,
  requireIdToken: true,
});
await oauth.validateApplicationLevelSignature(as, traded, loopback);
const { sub } = oauth.getValidatedIdTokenClaims(tokens);

async function userinfo(accessToken) {
  const response = await oauth.userInfoRequest(as, client, accessToken, options);
  return oauth.processUserInfoResponse(as, client, sub, response);
}
async function refresh(token) {
  const response = await oauth.refreshTokenGrantRequest(as, client, how, token, options);
  return oauth.processRefreshTokenResponse(as, client, response);
}
async function introspect(token) {
  const response = await oauth.introspectionRequest(as, client, how, token, loopback);
  return oauth.processIntrospectionResponse(as, client, response);
}

const person = await userinfo(tokens.access_token);
const refreshed = await refresh(tokens.refresh_token);
const still = await userinfo(refreshed.access_token);

// RFC 9068 §4: a backend checks the token that it is sent.
let arrived;
await oauth.protectedResourceRequest(refreshed.access_token, 'GET', new URL('orders', task.audience), undefined, null, {
  ...options,
  [oauth.customFetch]: async (address, { method, headers }) => {
    arrived = new Request(address, { method, headers });
    return new Response();
  },
});
const claims = await oauth.validateJwtAccessToken(plain, arrived, task.audience, { ...loopback, requireDPoP: task.dpop });

const introspected = await introspect(refreshed.access_token);
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, how, refreshed.refresh_token, loopback),
);
const revoked = await introspect(refreshed.access_token);
const refused = await refusal(() => userinfo(refreshed.access_token));
const unrefreshed = await refusal(() => refresh(refreshed.refresh_token));

done({
  type: tokens.token_type,
  person,
  same_person: still.sub === sub,
  backend: claims.sub === sub && claims.client_id === task.client_id,
  introspected: introspected.active,
  revoked: revoked.active,
  refused,
  unrefreshed,
});
