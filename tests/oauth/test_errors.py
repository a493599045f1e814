"""What goes out in an error: codes of the RFCs, and descriptions of the characters that they allow."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from broker.oauth import errors
from broker.oauth.errors import OAuthError

BROKER = Path(errors.__file__).parents[1]
# RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E; and one sentence that begins and ends like one.
ALLOWED = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]*")
MAKERS = {
    name for name, made in inspect.getmembers(errors, inspect.isfunction) if made.__module__ == errors.__name__
}
STATUS = {"invalid_client": 401, "invalid_token": 401, "insufficient_scope": 403, "temporarily_unavailable": 503}


def descriptions() -> list[tuple[str, ast.expr]]:
    """Every description that is passed to an error in the source, with its place."""
    found = []
    for file in sorted(BROKER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = f"{file.relative_to(BROKER)}:{node.lineno}"
                found += [(place, said) for said in description_in(node, node.func.id)]
    return found


def description_in(call: ast.Call, name: str) -> list[ast.expr]:
    """The argument that becomes `description`, if this call makes an error."""
    if name in MAKERS:
        return call.args[:1]
    return call.args[1:2] if name == "OAuthError" else []


def test_every_description_in_the_source_is_of_allowed_characters() -> None:
    places = descriptions()
    assert len(places) > 40
    for place, said in places:
        texts = [part.value for part in ast.walk(said) if isinstance(part, ast.Constant)]
        for text in texts:
            assert not isinstance(text, str) or ALLOWED.fullmatch(text), f"{place}: {text!r}"


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_an_error_carries_the_code_of_its_name_and_the_status_of_the_rfc(name: str) -> None:
    error: OAuthError = getattr(errors, name)("Something happened.")
    assert (error.code, error.description) == (name, "Something happened.")
    assert error.status == STATUS.get(name, 400)
    assert error.detail is None


def test_the_words_for_the_log_stay_out_of_the_words_for_the_client() -> None:
    error = errors.invalid_grant("The code is void.", detail="canary")
    assert error.detail == "canary"
    assert "canary" not in str(error)


def test_an_unproven_client_hears_one_sentence_whatever_the_reason() -> None:
    assert errors.invalid_client(detail="no such client").description == errors.invalid_client().description
