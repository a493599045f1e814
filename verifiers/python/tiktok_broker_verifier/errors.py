"""The two ways in which a request is not let in. Neither quotes anything that was sent."""

from typing import Final, Literal

Code = Literal["", "invalid_request", "invalid_token", "insufficient_scope", "invalid_dpop_proof"]
Scheme = Literal["bearer", "dpop"]

_STATUS: Final[dict[Code, int]] = {"invalid_request": 400, "insufficient_scope": 403}


class Refused(Exception):
    """The request proves nothing, or not enough; the text is a sentence for whoever sent it.

    `code` is RFC 6750 §3.1's or RFC 9449 §7.1's, empty when the request brought no token at all.
    `scopes` are those that were asked for, when it was they that lacked. `scheme` is how the token came.
    """

    def __init__(self, sentence: str, code: Code = "invalid_token", *, scopes: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.code: Code = code
        self.scopes = scopes
        self.scheme: Scheme = "bearer"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return _STATUS.get(self.code, 401)


class Unavailable(Exception):
    """Nothing can be said about any token: the broker's keys, or its list of revocations, cannot be had."""

    status: Final = 503
