"""TikTok's scopes as its pages list them, for telling an operator of a name that TikTok will not know.

Source: developers.tiktok.com /doc/scopes-overview. A name that is missing here may be a new one, so nothing is
refused by this list.
"""

from typing import Final

FOR_EVERYBODY: Final = "user.info.basic"
"""Comes with Login Kit; every other has to be asked for, and approved."""

_PORTABILITY: Final = ("all", "activity", "directmessages", "postsandprofile")
KNOWN: Final = frozenset(
    {
        FOR_EVERYBODY,
        "user.info.profile",
        "user.info.stats",
        "video.list",
        "video.upload",
        "video.publish",
        *(f"portability.{what}.{often}" for what in _PORTABILITY for often in ("single", "ongoing")),
    }
)
