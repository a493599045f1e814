"""Verifies the access tokens of a TikTok broker: `Verifier` for threads, `AsyncVerifier` for asyncio.

`asgi`, `fastapi` and `django` beside this file put it in front of an app; each is imported by whoever has the
framework. What is checked, and why, is told by `verification`.
"""

from tiktok_broker_verifier.errors import Refused, Unavailable
from tiktok_broker_verifier.policy import Policy
from tiktok_broker_verifier.presented import Presented
from tiktok_broker_verifier.tokens import AccessToken
from tiktok_broker_verifier.verifier import AsyncVerifier, Verifier

__all__ = ["AccessToken", "AsyncVerifier", "Policy", "Presented", "Refused", "Unavailable", "Verifier"]
