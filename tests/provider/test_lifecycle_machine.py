"""Codes and refresh tokens in any order of use, misuse and time: the broker does what the model says, and no 5xx.

RFC 6749 §4.1.2 and §6, RFC 9700 §4.14.2, OIDC Back-Channel Logout 1.0 §2.7.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as proving
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.provider.lifecycle import Grant, Session
from tests.stage import PUBLIC, VERIFIER, WEB, WEB_SECRET, HeldClock, Stage, answer_in, running_stage

T = TypeVar("T")
WAITS = st.sampled_from([1, 30, 3_600, 86_400])
WRONG = st.sampled_from(["verifier", "no verifier", "redirect", "client", "secret", "truncated", "twice"])


class World:
    """One broker for all examples, and the browser whose session their codes come from."""

    def __init__(self, runner: asyncio.Runner, stage: Stage) -> None:
        self.runner, self.stage = runner, stage
        self.browser: httpx.AsyncClient = self.do(stage.browser())
        self.session: Session | None = None
        self.id_token = ""

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @property
    def now(self) -> int:
        return self.stage.clock.now

    def sign_in(self) -> None:
        """A session of its own for the browser, and an ID token that names it."""
        answer = self.do(self.stage.come_back(self.browser, self.stage.question(prompt="login")))
        self.id_token = self.do(self.stage.redeem(answer["code"])).json()["id_token"]
        if self.session is None or not self.session.live(self.now):
            self.session = Session(self.now, self.now)
        self.session.began = self.now
        self.session.slide(self.now)

    def code(self, scope: str) -> tuple[str, Session]:
        """A code from the session, by single sign-on."""
        if self.session is None or not self.session.live(self.now):
            self.sign_in()
        assert self.session is not None
        sent = self.do(self.stage.authorize(self.browser, self.stage.question(prompt="none", scope=scope)))
        self.session.slide(self.now)
        return answer_in(sent.headers["location"])["code"], self.session

    def sign_out(self) -> None:
        """The session ends by the hint, whatever the time."""
        hint = {"id_token_hint": self.id_token}
        assert self.do(self.browser.get(f"{self.stage.issuer}/logout", params=hint)).status_code == 200


class Lifecycle(RuleBasedStateMachine):
    """One grant, used and misused."""

    world: ClassVar[World]

    @initialize(offline=st.booleans(), refreshes=st.sampled_from([None, 1, 2]), gentle=st.booleans())
    def begin(self, offline: bool, refreshes: int | None, gentle: bool) -> None:
        """With a fresh code, or some way on; in a `gentle` life nothing ends the grant but time and reuse."""
        scope = "openid profile" + (" offline_access" if offline else "")
        self.code, session = self.world.code(scope)
        self.grant = Grant(session, offline, self.world.now)
        self.gentle = gentle
        if refreshes is not None:
            self.redeem()
            for _ in range(refreshes):
                self.refresh(back=0)

    @precondition(lambda self: not (self.gentle and self.grant.redeemed))
    @rule()
    def redeem(self) -> None:
        self.check(self.world.stage.redeem(self.code), self.grant.redeem(self.world.now))

    @rule(how=WRONG)
    def redeem_wrongly(self, how: str) -> None:
        """Spends nothing and ends nothing."""
        stage = self.world.stage
        attempts: dict[str, Coroutine[Any, Any, httpx.Response]] = {
            "verifier": stage.redeem(self.code, code_verifier="x" + VERIFIER),
            "no verifier": stage.redeem(self.code, code_verifier=None),
            "redirect": stage.redeem(self.code, redirect_uri="https://app.example/other"),
            "client": stage.redeem(self.code, PUBLIC),
            "secret": stage.http.post("/token", data={"code": self.code}, auth=(WEB, WEB_SECRET + "x")),
            "truncated": stage.redeem(self.code[:-1]),
            "twice": stage.redeem(self.code * 2),
        }
        attempt = attempts.pop(how)
        for other in attempts.values():
            other.close()
        assert self.world.do(attempt).status_code in (400, 401)

    @precondition(lambda self: self.grant.refresh_tokens)
    @rule(back=st.integers(0, 3))
    def refresh(self, back: int) -> None:
        """With the newest refresh token, or one of those before it."""
        generation = max(0, len(self.grant.refresh_tokens) - 1 - back)
        attempt = self.world.stage.refresh(self.grant.refresh_tokens[generation])
        self.check(attempt, self.grant.refresh(generation, self.world.now))

    @precondition(lambda self: self.grant.refresh_tokens)
    @rule(how=st.sampled_from(["client", "bent", "secret", "wider"]))
    def refresh_wrongly(self, how: str) -> None:
        """Spends nothing and ends nothing."""
        stage, token = self.world.stage, self.grant.refresh_tokens[-1]
        if how == "client":
            answer = self.world.do(stage.refresh(token, PUBLIC))
        elif how == "bent":
            answer = self.world.do(stage.refresh(token[:-1] + ("a" if token[-1] != "a" else "b")))
        elif how == "secret":
            form = {"grant_type": "refresh_token", "refresh_token": token}
            answer = self.world.do(stage.http.post("/token", data=form, auth=(WEB, "brs_wrong")))
        else:
            answer = self.world.do(stage.refresh(token, scope="openid profile offline_access admin"))
        assert answer.status_code in (400, 401)

    @precondition(lambda self: self.grant.redeemed and not self.gentle)
    @rule(kind=st.sampled_from(["access", "refresh"]), own=st.booleans())
    def revoke(self, kind: str, own: bool) -> None:
        """RFC 7009: by its own client it ends the grant; by another it does nothing; 200 either way."""
        now = self.world.now
        token, issued = self.grant.access_tokens[-1]
        if kind == "refresh":
            token = self.grant.refresh_tokens[-1]
        http = self.world.stage.http
        if own:
            answer = self.world.do(http.post("/revoke", data={"token": token}, auth=(WEB, WEB_SECRET)))
        else:
            answer = self.world.do(http.post("/revoke", data={"token": token, "client_id": PUBLIC}))
        assert answer.status_code == 200
        # An access token that has expired names nothing any more.
        if own and (kind == "refresh" or now < issued + 600):
            self.grant.ended = True

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self.world.stage.clock.advance(seconds)

    @rule(
        which=st.sampled_from([0, 0, 1, 2, 3]),
        short_of=st.sampled_from([1, 0]),
        act=st.sampled_from(["before", "before", "newest", "ask"]),
    )
    def act_at_an_edge(self, which: int, short_of: int, act: str) -> None:
        """In the second in which something ends, or the one before."""
        ahead = [edge for edge in self.grant.edges() if edge - short_of > self.world.now]
        if ahead:
            self.world.stage.clock.now = ahead[which % len(ahead)] - short_of
        if not self.grant.redeemed:
            self.redeem()
        elif act == "ask":
            self.ask(which=-1)
        else:
            self.refresh(back=int(act == "before"))

    @precondition(lambda self: not self.gentle)
    @rule()
    def sign_out(self) -> None:
        if not self.grant.session.ended:
            self.world.sign_out()
            self.grant.session.ended = True
            self.grant.sign_out()

    @precondition(lambda self: self.grant.access_tokens)
    @rule(which=st.integers(0, 20))
    def ask(self, which: int) -> None:
        """Userinfo and introspection agree with the model, and with each other."""
        stage = self.world.stage
        token, issued = self.grant.access_tokens[which % len(self.grant.access_tokens)]
        opens = self.grant.opens(issued, self.world.now)
        assert self.world.do(stage.userinfo(token)).status_code == (200 if opens else 401)
        answer = self.world.do(stage.http.post("/introspect", data={"token": token}, auth=(WEB, WEB_SECRET)))
        assert answer.json()["active"] is opens

    def check(self, attempt: Coroutine[Any, Any, httpx.Response], succeeds: bool) -> None:
        answer = self.world.do(attempt)
        if not succeeds:
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
            return
        assert answer.status_code == 200, answer.text
        token = answer.json()["refresh_token"]
        # The current generation has one refresh token and no other, however often it is asked for.
        if len(self.grant.refresh_tokens) == self.grant.generation:
            assert token not in self.grant.refresh_tokens
            self.grant.refresh_tokens.append(token)
        assert token == self.grant.refresh_tokens[self.grant.generation]
        self.grant.access_tokens.append((answer.json()["access_token"], self.world.now))


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    file = shutil.copy(sqlite_template, tmp_path / "lifecycle.db")
    with asyncio.Runner() as runner:
        context = running_stage(f"sqlite:///{file}", HeldClock())
        stage = runner.run(context.__aenter__())
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
            yield World(runner, stage)


def test_whatever_the_order_the_broker_does_what_the_model_says(world: World) -> None:
    class Played(Lifecycle):
        pass

    Played.world = world
    run_state_machine_as_test(
        Played,
        settings=proving(
            max_examples=30,
            stateful_step_count=16,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
