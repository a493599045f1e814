"""What a check has found, and what to do about it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. No secret is in it; `remedy` is there unless all is well."""

    check: str
    outcome: Outcome
    found: str
    remedy: str | None = None


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """It works, or will for some; somebody should look at it."""
    return Finding(check, "warning", found, remedy)


def fault(check: str, found: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check, "fault", found, remedy)


def fault_from(check: str, sentence: str, otherwise: str) -> Finding:
    """A fault told as "what is wrong; what to do." `otherwise` is what to do when the sentence does not say."""
    found, told, remedy = sentence.removesuffix(".").rpartition("; ")
    return fault(check, found, f"{_capital(remedy)}.") if told else fault(check, remedy, otherwise)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
