"""TikTok's two answers, good ones and whatever else JSON can hold in their place."""

from hypothesis import strategies as st

TOKENS: dict[str, object] = {
    "access_token": "act.a",
    "expires_in": 7200,
    "open_id": "o",
    "refresh_expires_in": 15552000,
    "refresh_token": "rft.a",
    "scope": "user.info.basic",
    "token_type": "Bearer",
}
USER: dict[str, object] = {
    "open_id": "o",
    "union_id": "u",
    "display_name": "N",
    "avatar_url": "https://c.example/a",
}
PERSON: dict[str, object] = {"data": {"user": USER}, "error": {"code": "ok", "message": "", "log_id": ""}}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def mangled(good: dict[str, object]) -> st.SearchStrategy[object]:
    """Any JSON at all, or `good` with some of its members replaced, dropped or added."""
    names = st.sampled_from([*good, "error", "data", "code", "message"])
    changed = st.dictionaries(names, JSON, max_size=3).map(lambda changes: good | changes)
    dropped = st.sets(names).map(lambda gone: {key: value for key, value in good.items() if key not in gone})
    return JSON | changed | dropped


TOKEN_ANSWERS = st.just(TOKENS) | mangled(TOKENS)
USER_ANSWERS = mangled(PERSON) | mangled(USER).map(lambda user: PERSON | {"data": {"user": user}})
