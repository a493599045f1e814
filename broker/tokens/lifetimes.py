"""How long what `/token` issues may live."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """All in seconds; `grace` is how long a repeated refresh gets the same successor."""

    access_token: int
    refresh_token: int
    grace: int
