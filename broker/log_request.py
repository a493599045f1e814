"""What is known of the request at hand: it stands on every line of it, and its last line sums it up."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class RequestFacts:
    """One request. `client_id` is a registered app's and nobody else's word, `outcome` an error code of ours."""

    id: str
    trace_id: str | None
    client_id: str | None = None
    outcome: str | None = None


_current: ContextVar[RequestFacts | None] = ContextVar("request", default=None)


def begin(request_id: str, trace_id: str | None = None) -> RequestFacts:
    """The facts of a request that begins, for the current task and those it starts."""
    facts = RequestFacts(request_id, trace_id)
    _current.set(facts)
    return facts


def current() -> RequestFacts | None:
    """The facts of the request that the current task works for."""
    return _current.get()


def current_id() -> str | None:
    """Its id."""
    facts = _current.get()
    return facts.id if facts else None


def note_client(client_id: str) -> None:
    """The request is about this registered app."""
    facts = _current.get()
    if facts is not None:
        facts.client_id = client_id


def note_outcome(code: str) -> None:
    """The request ends with this error."""
    facts = _current.get()
    if facts is not None:
        facts.outcome = code
