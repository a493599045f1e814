"""What an app says when a sign-in did not work: one sentence on what happened, one on what to do.

The codes are those of RFC 6749 §4.1.2.1 and §5.2 and OpenID Connect Core §3.1.2.6, as the broker sends them,
and the few that Authlib adds.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """A page about something that went wrong; `code` is for whoever is asked for help."""

    title: str
    what_to_do: str
    code: str = ""
    description: str = ""
    status: int = 400


_SETUP = "The sign-in is set up wrongly between this app and the broker."
_ASK = "Nothing you did caused this: tell whoever runs this app, and give them the code below."

_TROUBLES: dict[str, tuple[str, str]] = {
    "access_denied": (
        "You were not signed in, because TikTok did not get your permission.",
        "Press the button to try again, and let TikTok share your profile.",
    ),
    "temporarily_unavailable": (
        "TikTok is not answering at the moment.",
        "Wait a minute, then press the button again.",
    ),
    "server_error": (
        "The sign-in service could not finish this sign-in.",
        "Press the button to try again; if it happens twice, tell whoever runs this app.",
    ),
    "login_required": ("You are no longer signed in.", "Press the button to sign in."),
    "mismatching_state": (
        "This answer does not belong to a sign-in begun in this browser, or that one is over.",
        "Press the button to start again, here and in one tab.",
    ),
    "invalid_grant": ("Your sign-in has ended or took too long.", "Press the button to sign in again."),
    "invalid_client": (
        "The broker does not accept this app's client id and secret.",
        "Give the app what `broker clients rotate-secret` prints.",
    ),
    "invalid_request": (_SETUP, _ASK),
    "invalid_scope": (_SETUP, _ASK),
    "unauthorized_client": (_SETUP, _ASK),
}


def refused(code: str, description: str = "") -> Trouble:
    """The page for an error code; `description` is the broker's own sentence."""
    title, what_to_do = _TROUBLES.get(code, ("The sign-in did not work.", _ASK))
    return Trouble(title, what_to_do, code, description)


def untrusted(reason: str) -> Trouble:
    """The page for tokens that failed their verification."""
    return Trouble(
        "What came back from the sign-in could not be trusted, so you were not signed in.",
        _ASK,
        "invalid_token",
        reason,
        status=502,
    )


def unreachable(issuer: str) -> Trouble:
    """The page for a broker that does not answer, or not as one."""
    return Trouble(
        f"The sign-in service at {issuer} does not answer as it should.",
        "Make sure that the broker is running, then try again.",
        "no_answer",
        status=502,
    )
