import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.URL;
import java.text.ParseException;
import java.util.Arrays;
import java.util.Set;

public final class Verifier {
  private static final Set<JWSAlgorithm> ALGORITHMS = // Never taken from the token.
      Set.of(JWSAlgorithm.ES256, JWSAlgorithm.RS256, JWSAlgorithm.PS256);
  private static final Set<String> REQUIRED = Set.of("sub", "client_id", "jti", "iat", "exp");
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
        new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(ALGORITHMS, keys));
    var claims =
        new DefaultJWTClaimsVerifier<SecurityContext>(
            audience, new JWTClaimsSet.Builder().issuer(issuer).build(), REQUIRED);
    claims.setMaxClockSkew(0);
    processor.setJWTClaimsSetVerifier(claims);
  }

  /** The claims of a good access token; throws for any other. */
  public JWTClaimsSet verified(String token)
      throws ParseException, BadJOSEException, JOSEException {
    var claims = processor.process(token, null);
    if (claims.getClaim("cnf") != null) {
      throw new BadJWTException("bound to a key, and no proof of it is checked here");
    }
    var granted = claims.getStringClaim("scope");
    if (granted == null || !Arrays.asList(granted.split(" ")).contains(scope)) {
      throw new BadJWTException("the scope is missing");
    }
    return claims;
  }
}
