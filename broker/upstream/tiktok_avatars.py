"""Where TikTok keeps pictures of people: the hosts from which an avatar may be fetched.

TikTok documents no list. Links seen in the field lead to hosts such as `p16-sign-va.tiktokcdn.com` and
`p19-common-sign.tiktokcdn-us.com`: the front changes, the domains are these. A link to any other is not called,
although it came from TikTok: nobody but TikTok shall be able to make the broker fetch something.
"""

import re
from urllib.parse import urlsplit

_CDN = re.compile(
    r"https://(?:[a-z0-9-]{1,63}\.){1,8}(?:tiktokcdn\.com|tiktokcdn-us\.com|tiktokcdn-eu\.com)/[\x21-\x7e]*"
)


def may_be_fetched(link: str, *, simulator: str | None) -> bool:
    """Whether an avatar's link leads to TikTok's picture hosts, or to the origin of a `simulator`."""
    if _CDN.fullmatch(link):
        return True
    return simulator is not None and link.startswith(f"{simulator}/")


def host_of(link: str) -> str:
    """The host in a link, for the log."""
    return urlsplit(link).hostname or ""
