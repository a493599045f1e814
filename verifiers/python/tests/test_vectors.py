"""Every token of the table gets its verdict, from threads and from tasks alike."""

import json

import pytest

import attacks
import make
from attacks import Vector
from broker_side import Broker
from minting import HERE
from tiktok_broker_verifier import Refused

VECTORS = [Vector(**each) for each in json.loads((HERE / "access_tokens.json").read_text())["tokens"]]
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


def test_the_files_are_what_the_script_makes() -> None:
    for name, content in make.files().items():
        assert (HERE / name).read_text() == content, "run python verifiers/vectors/make.py"


def test_names_tell_the_vectors_apart() -> None:
    assert len({vector.name for vector in VECTORS}) == len(VECTORS) > 100


@every_vector
def test_a_verdict_in_a_thread(vector: Vector) -> None:
    verifier = Broker().verifier()
    try:
        verifier.verify(vector.token, scopes=[attacks.SCOPE])
        accepted = True
    except Refused:
        accepted = False
    assert accepted is vector.accepted, vector.why


@every_vector
async def test_a_verdict_in_a_task(vector: Vector) -> None:
    verifier = Broker().async_verifier()
    try:
        await verifier.verify(vector.token, scopes=[attacks.SCOPE])
        accepted = True
    except Refused:
        accepted = False
    assert accepted is vector.accepted, vector.why
