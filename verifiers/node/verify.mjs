import { createLocalJWKSet, createRemoteJWKSet, jwksCache, jwtVerify } from "jose";

export function verifier(issuer, audience, scope, jwksUri = `${issuer}/.well-known/jwks.json`) {
  const last = {}; // While the broker is away its last keys go on, for a day.
  const caching = { cacheMaxAge: 300_000, timeoutDuration: 3_000, [jwksCache]: last };
  const published = createRemoteJWKSet(new URL(jwksUri), caching);
  let failed = 0;
  const key = async (header, token) => {
    try {
      if (Date.now() >= failed + 5_000) return await published(header, token);
    } catch {
      failed = Date.now(); // Whatever went wrong, the next few seconds need not ask again.
    }
    if (!(Date.now() < last.uat + 86_400_000)) throw new Error("the broker's keys cannot be fetched");
    return createLocalJWKSet(last.jwks)(header, token);
  };

  // The claims of a good access token; throws for any other.
  return async function verified(token) {
    const canonical = (part) => Buffer.from(part, "base64url").toString("base64url") === part;
    if (!token.split(".").every(canonical)) throw new Error("not base64url");
    const { payload, protectedHeader } = await jwtVerify(token, key, {
      algorithms: ["ES256", "RS256", "PS256", "EdDSA"], // Never taken from the token.
      typ: "at+jwt", // Not an ID token.
      issuer,
      audience,
      requiredClaims: ["iat", "exp"],
    });
    if (!protectedHeader.kid || "b64" in protectedHeader) throw new Error("not a header of the broker's");
    for (const name of ["sub", "client_id", "jti"]) {
      if (typeof payload[name] !== "string" || !payload[name]) throw new Error(`${name} is missing`);
    }
    if (payload.exp > 253_402_300_799) throw new Error("exp is no date");
    if ("cnf" in payload) throw new Error("bound to a key, and no proof of it is checked here");
    const granted = typeof payload.scope === "string" ? payload.scope.split(" ") : [];
    if (!granted.includes(scope)) throw new Error("the scope is missing");
    return payload;
  };
}
