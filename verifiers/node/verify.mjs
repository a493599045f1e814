import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from "jose";

export function verifier(issuer, audience, scope, jwksUri = `${issuer}/.well-known/jwks.json`) {
  const published = createRemoteJWKSet(new URL(jwksUri), { cacheMaxAge: 300_000, timeoutDuration: 3_000 });
  const key = async (header, token) => {
    try {
      return await published(header, token);
    } catch (fault) {
      const last = published.jwks(); // While the broker is away its last keys go on.
      if (!last) throw fault;
      return createLocalJWKSet(last)(header, token);
    }
  };

  // The claims of a good access token; throws for any other.
  return async function verified(token) {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ["ES256", "RS256", "PS256", "EdDSA"], // Never taken from the token.
      typ: "at+jwt", // Not an ID token.
      issuer,
      audience,
      requiredClaims: ["sub", "client_id", "jti", "iat", "exp"],
    });
    if (payload.cnf) throw new Error("bound to a key, and no proof of it is checked here");
    if (!String(payload.scope ?? "").split(" ").includes(scope)) throw new Error("the scope is missing");
    return payload;
  };
}
