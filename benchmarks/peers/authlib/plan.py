"""What the benchmark tells this peer: JSON in one environment variable."""

import json
import os
from typing import Any

_PLAN: dict[str, Any] = json.loads(os.environ["PEER_PLAN"])

ISSUER: str = _PLAN["issuer"]
API: str = _PLAN["api"]
CALLBACK: str = _PLAN["callback"]
APP: dict[str, str] = _PLAN["app"]
BACKEND: dict[str, str] = _PLAN["backend"]
"""It may introspect what the app was given."""
REDIRECT_URI: str = _PLAN["redirectUri"]
TIKTOK: dict[str, str] = _PLAN["tiktok"]
DATABASE: str = _PLAN["database"]
CONNECTIONS: int = _PLAN["connections"]
"""To the database, at most: as many as threads."""
