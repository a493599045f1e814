// Everything an app does in its life, done by openid-client.
import * as client from 'openid-client';
import { done, privateKey, refusal, task, visit } from './conversation.mjs';

const authentication = {
  client_secret_basic: () => client.ClientSecretBasic(task.secret),
  client_secret_post: () => client.ClientSecretPost(task.secret),
  none: () => client.None(),
};
const how = task.method === 'private_key_jwt' ? client.PrivateKeyJwt(await privateKey()) : authentication[task.method]();
const config = await client.discovery(new URL(task.issuer), task.client_id, {}, how, {
  // The broker under test is on loopback, without TLS.
  execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
});
const DPoP = task.dpop ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) : undefined;

const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const expectedNonce = client.randomNonce();
const asked = {
  redirect_uri: task.redirect_uri,
  scope: 'openid profile offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
  max_age: '600',
};
const address = task.par
  ? await client.buildAuthorizationUrlWithPAR(config, asked, { DPoP })
  : client.buildAuthorizationUrl(config, asked);
const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 600, idTokenExpected: true };
const landed = await visit(address);
const tokens = await client.authorizationCodeGrant(config, landed, checks, undefined, { DPoP });
const { sub } = tokens.claims();
const person = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });

const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
const still = await client.fetchUserInfo(config, refreshed.access_token, sub, { DPoP });
const introspected = await client.tokenIntrospection(config, refreshed.access_token);

await client.tokenRevocation(config, refreshed.refresh_token);
const revoked = await client.tokenIntrospection(config, refreshed.access_token);
const refused = await refusal(() => client.fetchUserInfo(config, refreshed.access_token, sub, { DPoP }));
const unrefreshed = await refusal(() => client.refreshTokenGrant(config, refreshed.refresh_token, undefined, { DPoP }));

const state = client.randomState();
const goodbye = await visit(
  client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: task.after_logout,
    state,
  }),
);
done({
  type: tokens.token_type,
  person,
  same_person: still.sub === sub,
  introspected: introspected.active,
  revoked: revoked.active,
  refused,
  unrefreshed,
  said_goodbye: goodbye.searchParams.get('state') === state,
});
