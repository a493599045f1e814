"""Tokens that our own key has signed, but not as an access token for us, open nothing (RFC 8725 §3)."""

from typing import Any

import jwt
import pytest

from broker.keys.signer import Signer
from broker.sealing import Sealer
from tests.keys.made import ring_in
from tests.stage import PUBLIC, WEB, Stage
from tests.web.front import on_sqlite


async def resigned(stage: Stage, claims: dict[str, Any], *, typ: str = "at+jwt") -> str:
    """A token over these claims, signed with the broker's key of this moment."""
    keys = await ring_in(stage.database, Sealer(stage.settings.secret_keys), now=stage.clock())
    return await Signer(keys).sign(claims, typ=typ, alg="ES256", now=stage.clock())


@on_sqlite
async def test_only_an_access_token_for_us_opens_userinfo(stage: Stage) -> None:
    tokens = await stage.sign_in()
    good: dict[str, Any] = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (await stage.userinfo(await resigned(stage, good))).status_code == 200
    without_exp = {name: value for name, value in good.items() if name != "exp"}
    changes: list[dict[str, Any]] = [
        good | {"aud": ["https://api.example/"]},
        good | {"aud": [stage.issuer + "/"]},
        good | {"aud": [WEB]},
        good | {"iss": "https://evil.example"},
        good | {"iss": stage.issuer + "/"},
        good | {"exp": stage.clock()},
        good | {"exp": str(stage.clock() + 60)},
        good | {"jti": "nobody.x"},
        without_exp,
    ]
    for claims in changes:
        answer = await stage.userinfo(await resigned(stage, claims))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token"), claims
    for typ in ("JWT", "logout+jwt", "AT+JWT", "application/at+jwt"):
        assert (await stage.userinfo(await resigned(stage, good, typ=typ))).status_code == 401


@pytest.mark.parametrize("grant_type", ["refresh_token", "authorization_code"])
@on_sqlite
async def test_no_other_token_is_a_code_or_a_refresh_token(stage: Stage, grant_type: str) -> None:
    tokens = await stage.sign_in(PUBLIC)
    code = (await stage.come_back(await stage.browser(), stage.question(PUBLIC)))["code"]
    field = {"refresh_token": "refresh_token", "authorization_code": "code"}[grant_type]
    others = {"refresh_token": code, "code": tokens["refresh_token"]}[field]
    for token in (others, tokens["access_token"], tokens["id_token"]):
        form = {"grant_type": grant_type, field: token, "redirect_uri": "http://127.0.0.1/callback"}
        answer = await stage.token(form, PUBLIC)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
