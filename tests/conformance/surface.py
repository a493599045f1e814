"""The OpenAPI description as the tests use it: with the clients of the stage in place of made-up ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import APIOperation
from schemathesis.core.result import Ok

from tests.stage import PUBLIC, PUBLIC_REDIRECT, WEB, WEB_REDIRECT, WEB_SECRET

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
# A made-up client gets no further than the first check.
_KNOWN: dict[str, dict[str, Any]] = {
    "client_id": {"enum": [WEB, PUBLIC, "cli_nobody"]},
    "client_secret": {"enum": [WEB_SECRET, "brs_wrong"]},
    "redirect_uri": {"enum": [WEB_REDIRECT, PUBLIC_REDIRECT, "https://evil.example/"]},
}


def described() -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = schemathesis.openapi.from_path(DESCRIPTION).raw_schema
    return document


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Method and path of everything described."""
    return {
        (method.upper(), path) for path, item in document["paths"].items() for method in METHODS if method in item
    }


def drawable() -> Iterator[APIOperation[Any, Any, Any, Any]]:
    """The operations to draw requests from."""
    document = described()
    _name_known(document["paths"])
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok)
        yield result.ok()


def _name_known(part: Any) -> None:
    if isinstance(part, list):
        for item in part:
            _name_known(item)
    elif isinstance(part, dict):
        if "in" in part and part["name"] in _KNOWN:
            part["schema"] = _KNOWN[part["name"]]
        for name, known in _KNOWN.items():
            if name in part.get("properties", {}):
                part["properties"][name] = known
        for item in part.values():
            _name_known(item)
