import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.URL;
import java.text.ParseException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

public final class Verifier {
  private static final Set<JWSAlgorithm> ALGORITHMS = // Never taken from the token.
      Set.of(JWSAlgorithm.ES256, JWSAlgorithm.RS256, JWSAlgorithm.PS256);
  private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
  private final String scope;

  public Verifier(String issuer, String audience, String scope, URL jwksUri) {
    this.scope = scope;
    var keys =
        JWKSourceBuilder.create(jwksUri, new DefaultResourceRetriever(3_000, 3_000, 256 * 1024))
            .cache(300_000, 15_000)
            .refreshAheadCache(false)
            .rateLimited(30_000) // Anybody can name an unknown key.
            .outageTolerant(86_400_000) // While the broker is away its last keys go on.
            .build();
    processor.setJWSTypeVerifier( // Not an ID token.
        new DefaultJOSEObjectTypeVerifier<>(
            new JOSEObjectType("at+jwt"), new JOSEObjectType("application/at+jwt")));
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(ALGORITHMS, keys));
    var claims =
        new DefaultJWTClaimsVerifier<SecurityContext>(
            audience, new JWTClaimsSet.Builder().issuer(issuer).build(), Set.of("exp"));
    claims.setMaxClockSkew(0);
    processor.setJWTClaimsSetVerifier(claims);
  }

  /** The claims of a good access token; throws for any other. */
  public JWTClaimsSet verified(String token)
      throws ParseException, BadJOSEException, JOSEException {
    for (var part : token.split("\\.", -1)) { // The library passes over what is not base64url.
      if (!Base64URL.encode(new Base64URL(part).decode()).toString().equals(part)) {
        throw new BadJWTException("not base64url");
      }
    }
    var signed = SignedJWT.parse(token);
    var header = signed.getHeader();
    if (header.getKeyID() == null || header.getCriticalParams() != null) {
      throw new BadJWTException("the key has no name, or an extension is not understood");
    }
    var claims = processor.process(signed, null);
    var said = signed.getPayload().toJSONObject();
    for (var name : List.of("sub", "client_id", "jti")) {
      if (!(said.get(name) instanceof String text) || text.isEmpty()) {
        throw new BadJWTException(name + " is missing");
      }
    }
    if (!(said.get("iat") instanceof Number) || !(said.get("exp") instanceof Number)) {
      throw new BadJWTException("iat or exp is missing");
    }
    if (said.containsKey("cnf")) {
      throw new BadJWTException("bound to a key, and no proof of it is checked here");
    }
    if (!(said.get("scope") instanceof String granted)
        || !Arrays.asList(granted.split(" ")).contains(scope)) {
      throw new BadJWTException("the scope is missing");
    }
    return claims;
  }
}
