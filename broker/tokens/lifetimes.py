"""How long what `/token` issues may live."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """All in seconds; `grace` is how long a repeated refresh gets the same successor.

    Sessions and grants begin here only when an app on a device brings a code of TikTok's.
    """

    access_token: int
    refresh_token: int
    grace: int
    session: int
    session_max: int
    grant: int
