"""What a good token tells, when it is over, and input that no broker would write."""

import json

import pytest

import attacks
from broker_side import NOW, Broker, policy, token
from minting import sign
from tiktok_broker_verifier import Refused


def test_a_good_token_says_who_and_what() -> None:
    verified = Broker().verifier().verify(token(), scopes=["openid", "profile"])
    assert (verified.sub, verified.client_id) == (attacks.CLAIMS["sub"], "cli_web")
    assert verified.scopes == {"openid", "profile", "offline_access"}
    assert verified.union_id == attacks.CLAIMS["union_id"]
    assert verified.expires_at == NOW + 600
    assert verified.claims["sid"] == "ses_9tGb"


def test_a_token_is_over_in_the_second_of_its_exp() -> None:
    broker = Broker()
    broker.now = NOW + 599
    assert broker.verifier().verify(token())
    broker.now = NOW + 600
    with pytest.raises(Refused, match="expired"):
        broker.verifier().verify(token())
    assert broker.verifier(leeway=1).verify(token())


def test_nbf_is_held_to_with_the_same_leeway() -> None:
    with pytest.raises(Refused, match="not come"):
        Broker().verifier().verify(token(nbf=NOW + 1))
    assert Broker().verifier(leeway=1).verify(token(nbf=NOW + 1))


@pytest.mark.parametrize(
    "exp", ["1e400", "NaN", "-Infinity", "true", "9" * 5000, "9" * 400, "1e300", "-1", '"1e9"', "[1]"]
)
def test_a_time_that_is_no_number_of_seconds_is_refused(exp: str) -> None:
    payload = json.dumps(attacks.claims()).replace(str(attacks.CLAIMS["exp"]), exp)
    with pytest.raises(Refused):
        Broker().verifier().verify(sign(attacks.header(), payload, "es256"))


@pytest.mark.parametrize("payload", ["[" * 5000, '{"a":' * 1000 + "1" + "}" * 1000])
def test_nesting_beyond_reason_is_refused(payload: str) -> None:
    """Signed by the broker's key, so that it is the claims that are read."""
    with pytest.raises(Refused):
        Broker().verifier().verify(sign(attacks.header(), payload, "es256"))


@pytest.mark.parametrize(
    "added",
    [
        '"sub":"usr_other"',
        '"scope":"openid"',
        '"x":NaN',
        '"x":-Infinity',
        '"act":{"sub":"a","sub":"b"}',
        '"x":"\\q"',
    ],
)
def test_what_two_readers_could_read_differently_is_refused(added: str) -> None:
    """Signed by the broker's key, and not JSON, or an object with a name twice (RFC 7519 §4)."""
    payload = f"{json.dumps(attacks.claims())[:-1]},{added}}}"
    with pytest.raises(Refused, match="cannot be read"):
        Broker().verifier().verify(sign(attacks.header(), payload, "es256"))


def test_a_header_with_a_name_twice_is_refused() -> None:
    header = f'{{"alg":"none",{json.dumps(attacks.header())[1:]}'
    with pytest.raises(Refused, match="header"):
        Broker().verifier().verify(sign(header, attacks.claims(), "es256"))


@pytest.mark.parametrize("name", ["sub", "client_id", "jti"])
def test_a_name_is_a_string_that_can_be_written_down(name: str) -> None:
    for value in ("\ud800", "", 7, ["a"], None):
        with pytest.raises(Refused, match=name):
            Broker().verifier().verify(sign(attacks.header(), {**attacks.claims(), name: value}, "es256"))


@pytest.mark.parametrize("crit", [["exp2"], ["b64"], [], "exp", None])
def test_whatever_is_critical_is_not_understood_here(crit: object) -> None:
    with pytest.raises(Refused, match=r"extension|read"):
        Broker().verifier().verify(sign({**attacks.header(), "crit": crit}, attacks.claims(), "es256"))


@pytest.mark.parametrize("text", ["[" * 5000, '{"crit":[],"alg":"ES256","typ":"at+jwt"}', '{"alg":{},"typ":[]}'])
def test_a_header_beyond_reason_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        Broker().verifier().verify(sign(text, attacks.claims(), "es256"))


@pytest.mark.parametrize("bent", ["{}\n", "\n{}", " {}", "{}=", "{}\0", "\u0665{}", "{}" + "A" * 9000])
def test_nothing_around_a_token_is_tolerated(bent: str) -> None:
    broker = Broker()
    with pytest.raises(Refused):
        broker.verifier().verify(bent.format(token()))
    assert not broker.asked


@pytest.mark.parametrize("cnf", [None, {}, [], {"jkt": 1}, {"jkt": "a", "x5t#S256": "b"}, "jkt"])
def test_a_binding_that_is_not_understood_is_no_freedom(cnf: object) -> None:
    claims = {**attacks.claims(), "cnf": cnf}
    with pytest.raises(Refused, match="not understood here"):
        Broker().verifier().verify(sign(attacks.header(), claims, "es256"))


def test_a_missing_scope_is_told_apart_from_a_bad_token() -> None:
    with pytest.raises(Refused) as refusal:
        Broker().verifier().verify(token(), scopes=["openid", "editor"])
    assert (refusal.value.status, refusal.value.code) == (403, "insufficient_scope")
    assert refusal.value.scopes == ("openid", "editor")


def test_the_list_of_algorithms_can_be_narrowed() -> None:
    narrow = Broker().verifier(algorithms=("RS256",))
    assert narrow.verify(token(key="rs256"))
    with pytest.raises(Refused, match="algorithm"):
        narrow.verify(token())


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://id.example.com"}, {"issuer": "https://id.example.com/"}, {"issuer": "id.example.com"},
        {"issuer": "https://u@id.example.com"}, {"audience": ""}, {"algorithms": ()}, {"algorithms": ("HS256",)},
        {"algorithms": ("none",)}, {"leeway": -1}, {"leeway": 3600}, {"origin": "https://api.example.com/v1"},
        {"jwks_uri": "http://id.example.com/keys"}, {"jwks_uri": "file:///keys"}, {"keep": 59}, {"keep": 10**6},
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_meant_is_refused_at_once(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        policy(**changes)
