from tiktok_broker_verifier import AccessToken, Policy, Verifier


class Tokens:
    def __init__(self, issuer: str, audience: str, scope: str, jwks_uri: str = "") -> None:
        self.scope = scope
        self.verifier = Verifier(Policy(issuer=issuer, audience=audience, jwks_uri=jwks_uri))

    def verified(self, token: str) -> AccessToken:
        """Raises tiktok_broker_verifier.Refused for a bad token, Unavailable for no verdict."""
        return self.verifier.verify(token, scopes=[self.scope])
