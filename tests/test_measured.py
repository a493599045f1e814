"""What coverage is told to leave out is there: a name that nothing has any more would leave out nothing."""

import ast

import pytest

from tests.measured import _OF_PROCESSES, _REPEATED, _TESTS


@pytest.mark.parametrize("place", _REPEATED)
def test_what_is_not_watched_is_there(place: str) -> None:
    assert (_TESTS / place).exists()


@pytest.mark.parametrize("place", _OF_PROCESSES)
def test_tests_whose_processes_are_watched_are_there(place: str) -> None:
    body = ast.parse((_TESTS / place).read_text(encoding="utf-8")).body
    found = {each.name for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert set(_OF_PROCESSES[place]) <= found
