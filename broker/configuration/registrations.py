"""TikTok developer apps: the one in the environment and the further ones in a TOML file."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from broker.configuration import values
from broker.configuration.values import BadValue
from broker.opaque import Secret

DEFAULT = "default"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_PLACE = re.compile(r"at (line [0-9]+|end of document)")

environment = values.choice("production", "sandbox")
pkce = values.choice("hex", "base64url", "none")


@dataclass(frozen=True, slots=True)
class Registration:
    """One TikTok app through which people sign in."""

    name: str
    client_key: str
    client_secret: Secret
    previous_client_secret: Secret | None
    """Still accepted on what TikTok signs, while a new secret spreads."""
    scopes: tuple[str, ...]
    pkce: str
    """`hex`, `base64url` or `none`."""
    environment: str
    """`production` or `sandbox`."""


def environment_of(client_key: str) -> str:
    """TikTok's sandbox keys start with `sb`, as far as anybody has seen."""
    return "sandbox" if client_key.startswith("sb") else "production"


def doubts(found: Iterable[Registration], *, public: bool) -> Iterator[str]:
    """What is allowed but hardly meant, a sentence for each; `public`: the issuer is not on loopback."""
    for each in found:
        by_key = environment_of(each.client_key)
        if each.environment != by_key:
            begins = (
                "begins with sb, as those of sandboxes do" if by_key == "sandbox" else "does not begin with sb"
            )
            yield (
                f"The registration {each.name} is called one of {each.environment}, but its client key {begins};"
                " compare key and environment with TikTok's portal"
            )
        elif public and by_key == "sandbox":
            yield (
                f"The registration {each.name} has a sandbox's client key (it begins with sb), so that only its"
                " target users can sign in; for everybody else put in key and secret of the production app"
            )


def _name(text: str) -> str:
    if text == DEFAULT:
        raise BadValue("must not be `default`, the name of the registration in the environment")
    if _NAME.fullmatch(text) is None:
        raise BadValue("must be up to 40 of a-z, 0-9 and - between them: it becomes part of a URL")
    return text


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "name": _name,
    "client_key": values.client_key,
    "client_secret": values.client_secret,
    "previous_client_secret": values.client_secret,
    "scopes": values.scopes,
    "pkce": pkce,
    "environment": environment,
}
_NEEDED = ("name", "client_key", "client_secret")


def read(text: str, default_key: str, scopes: tuple[str, ...], pkce: str) -> tuple[list[Registration], list[str]]:
    """The `[[registrations]]` of a TOML text, and every fault in them as the rest of a sentence.

    `default_key` is the key of the registration in the environment, taken already; `scopes` and `pkce` hold
    for the tables that do not say otherwise.
    """
    try:
        tables = _tables(text)
    except BadValue as bad:
        return [], [str(bad)]
    found: list[Registration] = []
    faults: list[str] = []
    for number, table in enumerate(tables, start=1):
        parsed, wrong = _parsed(table)
        faults += [f"has a fault in registration {number}: {fault}" for fault in wrong]
        if not wrong:
            found.append(_registration(parsed, scopes, pkce))
    names = [each.name for each in found]
    keys = [default_key, *(each.client_key for each in found)]
    for label, column in (("name", names), ("client_key", keys)):
        if len(set(column)) < len(column):
            faults.append(f"gives two registrations the same {label}; each needs its own")
    return found, faults


def _tables(text: str) -> list[dict[str, Any]]:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # The parser's message may quote what it read, which holds secrets; only the place is passed on.
        place = _PLACE.search(str(error))
        raise BadValue(f"is not valid TOML{f' {place[0]}' if place else ''}; mend the file") from None
    tables = document.pop("registrations", None)
    if document or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadValue("must hold [[registrations]] tables and nothing else")
    return tables


def _parsed(table: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    parsed: dict[str, Any] = {}
    faults = [f"{key} is missing; add it" for key in _NEEDED if key not in table]
    for key, value in table.items():
        parse = _PARSERS.get(key)
        if parse is None:
            nearest = get_close_matches(key, _PARSERS, n=1, cutoff=0)[0]
            faults.append(f"it has an unknown key; the nearest known one is {nearest}")
            continue
        try:
            parsed[key] = parse(_text(key, value))
        except BadValue as bad:
            faults.append(f"{key} {bad}")
    return parsed, faults


def _text(key: str, value: object) -> str:
    if key == "scopes" and isinstance(value, list) and all(isinstance(scope, str) for scope in value):
        return ",".join(value)
    if not isinstance(value, str):
        raise BadValue("must be a text in quotes")
    return value


def _registration(parsed: dict[str, Any], scopes: tuple[str, ...], pkce: str) -> Registration:
    return Registration(
        name=parsed["name"],
        client_key=parsed["client_key"],
        client_secret=parsed["client_secret"],
        previous_client_secret=parsed.get("previous_client_secret"),
        scopes=parsed.get("scopes", scopes),
        pkce=parsed.get("pkce", pkce),
        environment=parsed.get("environment", environment_of(parsed["client_key"])),
    )
