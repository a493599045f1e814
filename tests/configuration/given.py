"""Settings to test with: what is needed, and changes to it."""

import pytest

from broker.settings import BadSettings, Settings, load

KEY = "brk_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypsaijc"
OTHER_KEY = "brk_mrswmz3infvgw3dnnzxxa4lson2hk5txpb4xu634pv7h7aebqkbyjbmg"
NEEDED = {
    "BROKER_ISSUER": "https://id.example.com",
    "BROKER_SECRET_KEYS": KEY,
    "BROKER_TIKTOK_CLIENT_KEY": "awexample0001",
    "BROKER_TIKTOK_CLIENT_SECRET": "shhh-client-secret",
}


def loaded(**changes: str) -> Settings:
    """Settings from what is needed, with changes named without their prefix."""
    return load(NEEDED | {f"BROKER_{name}": text for name, text in changes.items()})


def faults(**changes: str) -> tuple[str, ...]:
    """The faults of what is needed with these changes."""
    with pytest.raises(BadSettings) as caught:
        loaded(**changes)
    return caught.value.faults


def fault(**changes: str) -> str:
    """The one fault of these changes; it names the first of them."""
    (sentence,) = faults(**changes)
    assert f"BROKER_{next(iter(changes))}" in sentence
    return sentence
