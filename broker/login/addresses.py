"""Where TikTok sends the browser back."""

from typing import Final

CALLBACK_PATH: Final = "/callback/tiktok"
_DEFAULT: Final = "default"


def callback_address(issuer: str, registration: str) -> str:
    """The redirect URI to register at TikTok for the registration of this name."""
    base = f"{issuer}{CALLBACK_PATH}"
    return base if registration == _DEFAULT else f"{base}/{registration}"
