// oidc-provider set up for the broker's work: TikTok as the only way to sign in, no page of its own, one API.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

import { errors } from 'oidc-provider';

const newKey = () => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  alg: 'ES256',
  use: 'sig',
});

const apiInfo = (audience) => ({
  audience,
  scope: 'openid profile offline_access',
  accessTokenTTL: 600,
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg: 'ES256' } },
});

/** Nobody is asked: an app of the same house has what it asks for. A grant of its own for every code, as the broker
 * has it, so that throwing a refresh token away ends what came of that code and nothing else. */
const grantAll = (api) => async (ctx) => {
  const { client, provider, params, account } = ctx.oidc;
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope(params.scope);
  grant.addResourceScope(api, params.scope);
  await grant.save();
  return grant;
};

export const configuration = ({ adapter, people, signIn, plan }) => ({
  adapter,
  jwks: { keys: [newKey()] },
  clients: [plan.app, plan.backend].map(({ id, secret }) => ({
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
    introspection: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => [token.clientId, plan.backend.id].includes(client.clientId),
    },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    // A token for the API is a JWT, one for nobody but this server is opaque: the only kind that its userinfo and
    // introspection take.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_ctx, resource) => {
        if (resource !== plan.api) throw new errors.InvalidTarget();
        return apiInfo(plan.api);
      },
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
