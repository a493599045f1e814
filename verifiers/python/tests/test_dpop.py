"""A token that is bound to a key is good in the hands of that key's holder only, once for each proof."""

from typing import Any

import pytest

from broker_side import NOW, Broker, bound, proof, token
from minting import public, thumbprint
from tiktok_broker_verifier import Presented, Refused, Verifier

GOOD = bound()


def shown(token: str, *proofs: str, scheme: str = "DPoP", method: str = "GET", path: str = "/api/me") -> Presented:
    return Presented(method, path, [f"{scheme} {token}"], proofs)


def refusal(verifier: Verifier, presented: Presented) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        verifier.authenticate(presented)
    return caught.value.status, caught.value.code


@pytest.mark.parametrize("key", ["holder", "ps256", "eddsa"])
def test_the_holder_is_let_in(key: str) -> None:
    mine = token(cnf={"jkt": thumbprint(key)})
    assert Broker().verifier().authenticate(shown(mine, proof(mine, key=key))).jkt == thumbprint(key)


async def test_the_holder_is_let_in_by_a_task() -> None:
    assert await Broker().async_verifier().authenticate(shown(GOOD, proof(GOOD), scheme="dpop"))


def test_a_proof_counts_once() -> None:
    broker = Broker()
    verifier = broker.verifier()
    assert verifier.authenticate(shown(GOOD, proof(GOOD)))
    broker.now = NOW + 60
    assert refusal(verifier, shown(GOOD, proof(GOOD))) == (401, "invalid_dpop_proof")
    assert verifier.authenticate(shown(GOOD, proof(GOOD, jti="another")))


def test_what_was_seen_is_forgotten_when_it_could_not_count_anyway() -> None:
    broker = Broker()
    verifier = broker.verifier()
    for second in range(0, 300, 10):
        broker.now = NOW + second
        verifier.authenticate(shown(GOOD, proof(GOOD, iat=broker.now, jti=str(second))))
    assert len(verifier._checks.seen._until) <= 9


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "POST"}, {"htm": None}, {"htu": "https://api.example.com/api/you"}, {"htu": None}, {"htu": 5},
        {"htu": "https://thief.example/api/me"}, {"htu": "http://api.example.com/api/me"}, {"ath": None},
        {"ath": "AAAA"}, {"iat": NOW - 61}, {"iat": NOW + 11}, {"iat": None}, {"iat": "now"}, {"iat": 10**400},
        {"jti": None}, {"jti": "\ud800"},
        {"jti": ""}, {"jti": "x" * 257}, {"key": "unpublished"}, {"header": {"typ": "JWT"}},
        {"header": {"jwk": None}}, {"header": {"jwk": public("thief")}},
        {"header": {"jwk": {**public("holder"), "d": "AA"}}},
        {"header": {"alg": "none"}}, {"header": {"alg": "HS256"}}, {"header": {"crit": ["x"]}},
    ],
)  # fmt: skip
def test_a_bad_proof_lets_nobody_in(changes: dict[str, Any]) -> None:
    status, code = refusal(Broker().verifier(), shown(GOOD, proof(GOOD, **changes)))
    assert status == 401
    assert code == ("invalid_token" if changes.get("key") == "unpublished" else "invalid_dpop_proof")


@pytest.mark.parametrize(
    "htu", ["https://API.example.com:443/api/./me?q=1#f", "https://api.example.com/%61pi/x/../me"]
)
def test_an_address_has_many_spellings(htu: str) -> None:
    assert Broker().verifier().authenticate(shown(GOOD, proof(GOOD, htu=htu)))


@pytest.mark.parametrize("seconds", [-60, 10])
def test_a_proof_is_good_for_a_minute(seconds: int) -> None:
    assert Broker().verifier().authenticate(shown(GOOD, proof(GOOD, iat=NOW + seconds)))


def test_a_proof_is_for_one_token() -> None:
    other = bound(sub="usr_other")
    assert refusal(Broker().verifier(), shown(other, proof(GOOD)))[1] == "invalid_dpop_proof"


@pytest.mark.parametrize("proofs", [(), (proof(GOOD), proof(GOOD, jti="second"))])
def test_there_is_one_proof(proofs: tuple[str, ...]) -> None:
    assert refusal(Broker().verifier(), shown(GOOD, *proofs)) == (401, "invalid_dpop_proof")


def test_a_bound_token_is_no_bearer_token_even_with_a_proof() -> None:
    assert refusal(Broker().verifier(), shown(GOOD, proof(GOOD), scheme="Bearer")) == (401, "invalid_token")


def test_a_token_that_is_not_bound_is_a_bearer_token() -> None:
    free = token()
    assert Broker().verifier().authenticate(shown(free, scheme="Bearer"))
    assert refusal(Broker().verifier(), shown(free, proof(free))) == (401, "invalid_token")


def test_an_api_that_does_not_say_where_it_is_takes_no_bound_tokens() -> None:
    assert refusal(Broker().verifier(origin=None), shown(GOOD, proof(GOOD))) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        ([], 401, ""), (["Basic YTpi"], 401, ""), ([""], 401, ""), (["Bearer"], 401, "invalid_token"),
        (["Bearer a", "Bearer b"], 400, "invalid_request"), (["Bearer a,b"], 401, "invalid_token"),
    ],
)  # fmt: skip
def test_who_brings_no_token_is_told_what_to_bring(authorization: list[str], status: int, code: str) -> None:
    assert refusal(Broker().verifier(), Presented("GET", "/", authorization)) == (status, code)


def test_a_request_keeps_its_secrets_to_itself() -> None:
    assert GOOD not in repr(shown(GOOD, proof(GOOD)))
