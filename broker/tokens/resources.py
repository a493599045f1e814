"""For whom a token is meant: narrowing at the token endpoint (RFC 8707 §2.2)."""

from broker.oauth.errors import invalid_target


def narrowed(asked: tuple[str, ...], granted: str, audience: tuple[str, ...]) -> tuple[str, ...]:
    """The resources of one access token: of those granted, or, when none were asked for then, of the app's own.

    Raises `invalid_target` for any other.
    """
    permitted = tuple(granted.split()) or audience
    if not set(asked) <= set(permitted):
        raise invalid_target("The resource was not granted to this app.")
    return tuple(dict.fromkeys(asked)) or permitted
