"""The names of what can be exchanged (RFC 8693 §3)."""

from typing import Final

ACCESS: Final = "urn:ietf:params:oauth:token-type:access_token"
"""A token of ours as the subject, and the type of everything that is issued."""

TIKTOK_CODE: Final = "urn:x-broker:token-type:tiktok-code"
"""A code that TikTok's SDK gave to an app on a device."""
