"""Reading parameters: form encoding in, at most one value each.

An empty value counts as omitted, and a repeated parameter is refused (RFC 6749 §3.1, §3.2); `resource` alone
may be repeated (RFC 8707 §2). What is wrong with one parameter is kept beside it and raised when it is read, so
that an authorization request can still be answered at its redirect URI.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

from broker.oauth.errors import invalid_request

_REPEATABLE: Final = frozenset({"resource"})
_MOST_FIELDS: Final = 100
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_VISIBLE: Final = re.compile(r"[\x20-\x7e]+\Z")


class Parameters(Mapping[str, str]):
    """The parameters of one request. Reading one that is malformed raises `invalid_request`."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        self._faults: dict[str, str] = {}
        for name, value in pairs:
            if not value:
                continue
            values = self._values.setdefault(name, [])
            values.append(value)
            if len(values) > 1 and name not in _REPEATABLE:
                self._faults[name] = "A parameter is given more than once."
            # PostgreSQL keeps no NUL, and a line break has no business in any OAuth parameter.
            if _CONTROL.search(name) or _CONTROL.search(value):
                self._faults[name] = "A parameter contains a control character."

    def required(self, name: str) -> str:
        """The parameter's value. Raises `invalid_request` when there is none."""
        value = self.get(name)
        if value is None:
            raise invalid_request(f"The request has no {name}.")
        return value

    def several(self, name: str) -> tuple[str, ...]:
        """All values of a repeatable parameter, in order."""
        self._refuse_malformed(name)
        return tuple(self._values.get(name, ()))

    def refuse_malformed(self) -> None:
        """Raise `invalid_request` when any parameter, known or not, is malformed."""
        for name in self._faults:
            self._refuse_malformed(name)

    def refuse_repeated(self) -> None:
        """Raise `invalid_request` when any parameter, known or not, is repeated (RFC 6749 §3.1, §3.2).

        Whatever else is wrong with a parameter that nobody reads is ignored with it.
        """
        for name in self._faults:
            if len(self._values[name]) > 1:
                self._refuse_malformed(name)

    def encoded(self) -> str:
        """All of them, form-encoded again, repeated ones repeated."""
        return urlencode([(name, value) for name, values in self._values.items() for value in values])

    def __getitem__(self, name: str) -> str:
        self._refuse_malformed(name)
        return self._values[name][-1]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._values if name not in self._faults)

    def __len__(self) -> int:
        return len(self._values) - len(self._faults)

    def _refuse_malformed(self, name: str) -> None:
        if name in self._faults:
            raise invalid_request(self._faults[name])


def parse(encoded: bytes) -> Parameters:
    """Parameters of a query or form body.

    Raises `invalid_request` when it is not `application/x-www-form-urlencoded` UTF-8 (RFC 6749 appendix B).
    """
    try:
        if _BROKEN_ESCAPE.search(encoded):
            # `parse_qsl` would take it for text.
            raise ValueError
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise invalid_request("The parameters are not readable as form-encoded UTF-8.") from None
    return Parameters(pairs)


def is_visible_ascii(value: str) -> bool:
    """Whether `value` is 1*VSCHAR, as RFC 6749 appendix A has `state`, codes and tokens."""
    return _VISIBLE.match(value) is not None
