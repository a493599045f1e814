// oidc-provider set up for the broker's work: TikTok as the only way to sign in, no page of its own, one API.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

const newKey = () => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  alg: 'ES256',
  use: 'sig',
});

/** Nobody is asked: an app of the same house has what it asks for. One grant per session and app. */
const grantAll = (api) => async (ctx) => {
  const { session, client, provider, params, account } = ctx.oidc;
  const id = session.grantIdFor(client.clientId);
  const standing = id && await provider.Grant.find(id);
  if (standing) return standing;
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope(params.scope);
  grant.addResourceScope(api, params.scope);
  await grant.save();
  return grant;
};

export const configuration = ({ adapter, people, signIn, plan }) => ({
  adapter,
  jwks: { keys: [newKey()] },
  clients: plan.clients.map(({ id, secret }) => ({
    client_id: id,
    client_secret: secret,
    redirect_uris: [plan.redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
  })),
  scopes: ['openid', 'profile', 'offline_access'],
  claims: { openid: ['sub'], profile: ['name', 'picture', 'union_id', 'open_id'] },
  // Otherwise the ID token says less than the broker's.
  conformIdTokenClaims: false,
  // One for the callback, which is one address at TikTok.
  cookies: {
    keys: [randomBytes(32)],
    short: { httpOnly: true, sameSite: 'lax', path: plan.callback },
  },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // Opaque tokens are the only ones that its introspection and userinfo take.
      defaultResource: (_ctx, client) => (client.clientId === plan.opaqueFor ? undefined : plan.api),
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: plan.api,
        scope: 'openid profile offline_access',
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  interactions: { url: (_ctx, interaction) => signIn.authorizeUrl(interaction.uid) },
  loadExistingGrant: grantAll(plan.api),
  findAccount: async (_ctx, id) => {
    const person = await people.find(id);
    return person && { accountId: id, claims: () => ({ sub: id, ...person }), unionId: person.union_id };
  },
  extraTokenClaims: (ctx) => ({ union_id: ctx.oidc.account?.unionId }),
  pkce: { required: () => true },
  // The broker, too, gives a refresh token to every app that may have one, and asks nobody.
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 600,
    AuthorizationCode: 60,
    Grant: 365 * 86_400,
    IdToken: 600,
    Interaction: 600,
    RefreshToken: 30 * 86_400,
    Session: 7 * 86_400,
  },
});
