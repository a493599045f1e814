"""What a request brings to prove who sent it: RFC 6750 §2.1 and RFC 9449 §7.1."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tiktok_broker_verifier.errors import Refused, Scheme

SCHEMES: Final[tuple[Scheme, ...]] = ("bearer", "dpop")


@dataclass(frozen=True, slots=True)
class Presented:
    """One request. Each header is given as often as it came; `path` is the raw path, without a query."""

    method: str
    path: str
    authorization: Sequence[str] = field(repr=False)
    dpop: Sequence[str] = field(default=(), repr=False)

    def credentials(self) -> tuple[Scheme, str]:
        """The scheme, `bearer` or `dpop`, and the token. Raises `Refused`.

        A token in the address or in a form is not looked for: RFC 6750 §2.2 and §2.3 advise against both.
        """
        if not self.authorization:
            # RFC 6750 §3.1: who brought nothing learns no error code.
            raise Refused("Send an access token: Authorization: Bearer …", "")
        if len(self.authorization) > 1:
            raise Refused("The request has more than one Authorization header.", "invalid_request")
        named, _, token = self.authorization[0].partition(" ")
        for scheme in SCHEMES:
            if named.lower() == scheme:
                return scheme, token.strip(" ")
        raise Refused("Send an access token: Authorization: Bearer …", "")
