"""DPoP proofs (RFC 9449 §4.2), made before they are needed: what is measured is who checks them."""

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


@dataclass(frozen=True, slots=True)
class Prover:
    """An app's key."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def proof(self, url: str) -> str:
        """A proof for one POST to `url`, good for about a minute."""
        public: dict[str, Any] = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        claims = {"jti": str(uuid4()), "htm": "POST", "htu": url, "iat": int(time.time())}
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": public})
