"""The simulator on a real socket, and alone."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from broker.simulator import serve as simulator_serve
from broker.simulator.faults import Fault
from broker.simulator.serve import listening, running, serve
from broker.simulator.world import App
from tests.simulator.driver import BASIC, FORM, KEY, REDIRECT_URI, SECRET, VERIFIER, Driver, callback

ALONE = """
import sys
from broker.simulator.serve import serve
from broker.simulator.world import App
serve("127.0.0.1", int(sys.argv[1]), [App("aw0example0key01", "secret", ["http://localhost:*/cb"])])
"""

NOTHING_ELSE = """
import sys
import broker.simulator.serve
ours = {name for name in sys.modules if name.startswith("broker.") and not name.startswith("broker.simulator")}
foreign = {"sqlalchemy", "httpx", "jwt", "authlib", "cryptography"} & set(sys.modules)
sys.exit(f"imported {ours | foreign}" if ours or foreign else 0)
"""


async def test_a_sign_in_over_http(tiktok: Driver) -> None:
    """A caller that shares nothing with the simulator but the socket."""
    async with running(tiktok.app) as origin, httpx.AsyncClient(base_url=origin, verify=False) as http:
        consent = await http.post(
            f"/v2/auth/authorize/?{tiktok.query()}", data={"person": "p5", "scope": BASIC, "action": "allow"}
        )
        code = callback(consent)["code"]
        fields = {"client_key": KEY, "client_secret": SECRET, "grant_type": "authorization_code", "code": code}
        fields |= {"redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        body = (await http.post("/v2/oauth/token/", data=fields)).json()
        assert body["open_id"].startswith("-000")
        user = await http.get(
            "/v2/user/info/?fields=open_id,avatar_url", headers={"authorization": f"Bearer {body['access_token']}"}
        )
        avatar = user.json()["data"]["user"]["avatar_url"]
        assert avatar.startswith(f"{origin}/avatars/")
        assert (await http.get(avatar)).headers["content-type"] == "image/png"
        assert "server" not in user.headers


@pytest.mark.parametrize("after", [False, True])
async def test_a_reset_closes_the_connection_without_an_answer(tiktok: Driver, after: bool) -> None:
    tiktok.world.faults.add(Fault("token", "reset", after=after))
    content = f"client_key={KEY}&client_secret={SECRET}&grant_type=client_credentials"
    async with running(tiktok.app) as origin, httpx.AsyncClient(base_url=origin, verify=False) as http:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await http.post("/v2/oauth/token/", content=content, headers=FORM)
        assert (await http.post("/v2/oauth/token/", content=content, headers=FORM)).status_code == 200
    assert tiktok.world.counters["token"]["client_credentials"] == (2 if after else 1)


async def test_a_huge_answer_can_be_left_early(tiktok: Driver) -> None:
    tiktok.world.faults.add(Fault("user_info", "huge", size=1 << 30))
    async with running(tiktok.app) as origin, httpx.AsyncClient(base_url=origin, verify=False) as http:
        async with http.stream("GET", "/v2/user/info/") as response:
            async for chunk in response.aiter_raw():
                assert chunk.startswith(b'{"access_token":"')
                break
        assert (await http.get("/v2/user/info/")).status_code == 401


@pytest.mark.parametrize("finishes", [True, False])
async def test_an_open_request_gets_two_seconds_to_finish(monkeypatch: pytest.MonkeyPatch, finishes: bool) -> None:
    monkeypatch.setattr(simulator_serve, "_PATIENCE", 10 if finishes else 0.02)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await go_on.wait()
        await PlainTextResponse("done")(scope, receive, send)

    async with httpx.AsyncClient(verify=False) as http:
        # And no longer than it takes.
        async with asyncio.timeout(5), running(slow) as origin:
            asked = asyncio.create_task(http.get(origin))
            await begun.wait()
            if finishes:
                # After the end of the block has begun: nothing is awaited until then.
                asyncio.get_running_loop().call_soon(go_on.set)
        assert (await asked).status_code == (200 if finishes else 500)


async def test_the_address_is_free_again_after_the_block(tiktok: Driver) -> None:
    async with running(tiktok.app) as origin:
        pass
    with listening("127.0.0.1", int(origin.rpartition(":")[2])):
        pass


def test_an_address_that_is_taken_is_an_os_error() -> None:
    with listening("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        serve("127.0.0.1", taken.getsockname()[1], [App(KEY, SECRET, [REDIRECT_URI])])


def test_no_part_of_an_answer_waits_for_the_one_before() -> None:
    """Nagle's algorithm is off on what is accepted."""
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_ipv6_can_be_listened_on() -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with listening("::1", 0) as listener:
        assert listener.family is socket.AF_INET6


@contextmanager
def alone() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A simulator in a process of its own."""
    with listening("127.0.0.1", 0) as chosen:
        port = chosen.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", ALONE, str(port)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stderr is not None
        while "startup complete" not in (line := process.stderr.readline()) and "Started" not in line:
            assert line, "the simulator ended before it was ready"
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_the_simulator_runs_alone_until_it_is_told_to_stop(stop: signal.Signals, code: int) -> None:
    with alone() as (process, origin):
        state = httpx.get(f"{origin}/_simulator/state").json()
        assert state["apps"][0]["client_key"] == KEY
        process.send_signal(stop)
        assert process.wait(timeout=10) == code


def test_it_needs_nothing_else_of_this_project() -> None:
    done = subprocess.run([sys.executable, "-c", NOTHING_ELSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
