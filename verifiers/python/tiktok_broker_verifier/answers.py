"""What a request that is not let in is told, as an HTTP answer: RFC 6750 §3, RFC 9449 §7.1."""

import json
from dataclasses import dataclass

from tiktok_broker_verifier.documents import PAUSE
from tiktok_broker_verifier.dpop import ALGORITHMS
from tiktok_broker_verifier.errors import Refused, Unavailable
from tiktok_broker_verifier.policy import Policy


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and JSON of a refusal."""

    status: int
    headers: dict[str, str]
    content: dict[str, str]

    @property
    def body(self) -> bytes:
        return json.dumps(self.content).encode()


def answer(fault: Refused | Unavailable, policy: Policy) -> Answer:
    """How to say it to whoever sent the request."""
    kept = {"Cache-Control": "no-store"}
    if isinstance(fault, Unavailable):
        content = {"error": "temporarily_unavailable", "error_description": str(fault)}
        return Answer(fault.status, kept | {"Retry-After": str(PAUSE)}, content)
    content = {"error": fault.code or "unauthorized", "error_description": str(fault)}
    return Answer(fault.status, kept | {"WWW-Authenticate": _challenges(fault, policy)}, content)


def _challenges(fault: Refused, policy: Policy) -> str:
    detail = [f'error="{fault.code}"', f'error_description="{fault}"'] if fault.code else []
    if fault.scopes:
        detail.append(f'scope="{" ".join(fault.scopes)}"')
    if policy.origin is None:
        return _challenge("Bearer", detail)
    algorithms = f'algs="{" ".join(ALGORITHMS)}"'
    # RFC 9449 §7.1 and §7.2: what was wrong is told to the scheme that was used.
    of_bearer, of_dpop = ([], detail) if fault.scheme == "dpop" else (detail, [])
    return f"{_challenge('Bearer', of_bearer)}, {_challenge('DPoP', [*of_dpop, algorithms])}"


def _challenge(scheme: str, parameters: list[str]) -> str:
    return f"{scheme} {', '.join(parameters)}".strip()
