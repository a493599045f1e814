import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;

/** Reads a token a line, and answers each with a line: whose it is, or why not. */
public final class Main {
  public static void main(String[] told) throws Exception {
    var jwksUri = URI.create(told.length > 3 ? told[3] : told[0] + "/.well-known/jwks.json");
    var verifier = new Verifier(told[0], told[1], told[2], jwksUri.toURL());
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String token; (token = lines.readLine()) != null; ) {
      String answer;
      try {
        answer = "accepted " + verifier.verified(token).getSubject();
      } catch (Exception fault) {
        answer = "refused " + String.valueOf(fault.getMessage()).replace('\n', ' ');
      }
      System.out.println(answer);
    }
  }
}
