"""The OpenAPI description is the surface: every route, and requests drawn from it never break anything."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as proving
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route, Router

from broker.web.middleware import Edge
from tests.conformance.surface import described, drawable, operations
from tests.stage import WEB, WEB_SECRET, HeldClock
from tests.web.front import ISSUER, Front, running_front

FUZZ = proving(
    max_examples=12,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
OPERATIONS = {operation.label: operation for operation in drawable()}
# What takes nothing cannot be given anything bad.
DRAWN = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or operation.query or operation.body
]
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def front(
    loop: asyncio.Runner, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("described") / "broker.db")
    context = running_front(f"sqlite:///{file}", HeldClock())
    yield loop.run(context.__aenter__())
    loop.run(context.__aexit__(None, None, None))


def test_every_route_is_described_and_nothing_else(front: Front) -> None:
    edge = front.app
    assert isinstance(edge, Edge)
    assert isinstance(edge.inside, Router)
    routes = [route for route in edge.inside.routes if isinstance(route, Route)]
    assert len(routes) == len(edge.inside.routes)
    mounted = {(method, route.path) for route in routes for method in (route.methods or ()) if method != "HEAD"}
    mounted |= {("GET", re.sub(r"^/status/[0-9]+$", "/status/{number}", path)) for path in edge.documents}
    assert operations(described()) == mounted


def test_every_operation_can_be_read_by_a_person() -> None:
    document = described()
    tags = {tag["name"] for tag in document["tags"]}
    names = []
    for method, path in operations(document):
        operation = document["paths"][path][method.lower()]
        assert operation["summary"], path
        assert set(operation["tags"]) <= tags
        names.append(operation["operationId"])
    assert len(set(names)) == len(names)


def test_the_description_names_what_discovery_names(front: Front, loop: asyncio.Runner) -> None:
    provider: dict[str, Any] = loop.run(front.http.get("/.well-known/openid-configuration")).json()
    document = described()
    form = document["paths"]["/token"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert form["schema"]["properties"]["grant_type"]["enum"] == provider["grant_types_supported"]
    asked = {one["name"]: one["schema"] for one in document["paths"]["/authorize"]["get"]["parameters"]}
    assert asked["response_mode"]["enum"] == provider["response_modes_supported"]
    assert asked["prompt"]["enum"] == provider["prompt_values_supported"]
    assert asked["code_challenge_method"]["enum"] == provider["code_challenge_methods_supported"]


@pytest.mark.parametrize(("label", "mode"), DRAWN, ids=[f"{label} {mode.value}" for label, mode in DRAWN])
@FUZZ
@given(data=st.data())
def test_what_is_drawn_from_the_description_gets_an_answer_it_describes(
    front: Front, loop: asyncio.Runner, label: str, mode: GenerationMode, data: st.DataObject
) -> None:
    """No 5xx, and no status, content type, header or body that is not described."""
    case = data.draw(OPERATIONS[label].as_strategy(mode))
    sent = case.as_transport_kwargs(base_url=ISSUER)
    auth = (WEB, WEB_SECRET) if data.draw(st.booleans()) else None
    front.http.cookies.clear()
    body = sent.get("data")
    # A form is drawn as its fields, JSON as a value, and what is neither as it goes over the wire.
    written = {"content": body} if isinstance(body, bytes | str) else {"data": body, "json": sent.get("json")}
    response = loop.run(
        front.http.request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            **written,
            headers=dict(sent["headers"] or {}),
            auth=auth,
        )
    )
    assert response.status_code < 500
    # A path drawn as empty is another path.
    if response.status_code not in (404, 405):
        case.validate_response(response, checks=CHECKS)
