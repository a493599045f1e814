"""Whether this machine's clock agrees with another's: codes, tokens and signatures live by it."""

from broker.cli.doctor.findings import Finding, fault, ok, warning

_UNNOTICED_SECONDS = 5
_BEARABLE_SECONDS = 60


def compared(check: str, whose: str, *, theirs: int, ours: int) -> Finding:
    """The difference between two readings of the same moment, in epoch seconds."""
    apart = abs(ours - theirs)
    if apart <= _UNNOTICED_SECONDS:
        return ok(check, f"agrees with that of {whose}")
    found = f"{apart} s {'ahead of' if ours > theirs else 'behind'} that of {whose}"
    remedy = "Let NTP set the clock of this machine, and that of the other if it is yours."
    return (warning if apart <= _BEARABLE_SECONDS else fault)(check, found, remedy)
