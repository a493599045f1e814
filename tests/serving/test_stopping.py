"""`broker serve` in processes of its own: not ready first, then finished, and workers that are replaced."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from broker.app import running
from broker.clock import stopwatch, system_clock
from broker.leaving import Leaving
from broker.settings import load
from broker.store import clients, outbox, sessions
from broker.store.database import Transaction, connect
from tests.cli.running import PATIENCE, Serving, serving, settings, starting
from tests.stage import WEB

LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
BREATH = 0.01
either = pytest.mark.parametrize("workers", ["1", "2"])
BEGUN = (
    b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"
)


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:
    file = tmp_path / "broker.db"
    file.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{file}"


def get(broker: Serving, path: str = "/healthz") -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}


@contextlib.contextmanager
def begun(broker: Serving) -> Iterator[socket.socket]:
    """A request whose body is still to come."""
    with socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE) as connection:
        connection.sendall(BEGUN)
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        yield connection


def until_not_ready(broker: Serving) -> dict[str, str]:
    """The headers of the first answer that says so."""
    while True:
        status, headers = get(broker, "/readyz")
        if status == 503:
            return headers
        assert status == 200
        breathe()


def told_to_close(headers: dict[str, str], workers: str) -> bool:
    """Of several workers one may not have heard yet what another one knows."""
    return workers != "1" or headers.get("connection") == "close"


def until_closed(broker: Serving) -> None:
    """Return when nobody listens any more."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE).close()
        except ConnectionRefusedError:
            return
        except ConnectionError:
            pass
        breathe()


def breathe() -> None:
    """Between two questions: leave the machine to those who are waited for."""
    threading.Event().wait(BREATH)


def children(parent: int) -> set[int]:
    """Processes of this one that are workers and not yet gone."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(each) for each in found if b"spawn_main" in command(int(each))}


def command(process: int) -> bytes:
    """Nothing for one that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def events(broker: Serving, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in broker.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


@either
def test_after_sigterm_it_is_not_ready_first_and_serves_on(url: str, tmp_path: Path, workers: str) -> None:
    """New connections too, each told to close, also once the server has renewed its headers.

    A second signal ends it at once, whatever is in hand.
    """
    environ = settings(url, BROKER_SHUTDOWN_DRAIN="5m", BROKER_SHUTDOWN_GRACE="0s")
    with serving("--workers", workers, environ=environ, cwd=tmp_path) as broker:
        assert get(broker)[0] == 200
        with begun(broker) as unfinished:
            broker.process.send_signal(signal.SIGTERM)
            headers = until_not_ready(broker)
            assert headers["retry-after"] == "2"
            first = headers["date"]
            while headers["date"] == first:
                assert told_to_close(headers, workers)
                breathe()
                headers = get(broker)[1]
            assert told_to_close(headers, workers)
            assert get(broker, "/.well-known/jwks.json")[0] == 200
            assert get(broker, "/authorize")[0] == 400
            assert get(broker)[0] == 200
            assert broker.stop(signal.SIGTERM) == 0
            assert not unfinished.recv(4096).startswith((b"HTTP/1.1 2", b"HTTP/1.1 4"))


@either
def test_after_the_drain_what_is_in_hand_is_finished(url: str, tmp_path: Path, workers: str) -> None:
    environ = settings(url, BROKER_SHUTDOWN_DRAIN="1s", BROKER_SHUTDOWN_GRACE="5m", BROKER_LOG_LEVEL="error")
    with serving("--workers", workers, environ=environ, cwd=tmp_path) as broker:
        assert get(broker)[0] == 200
        with begun(broker) as open_request:
            broker.process.send_signal(signal.SIGTERM)
            until_not_ready(broker)
            with contextlib.suppress(ConnectionError):
                while True:
                    assert told_to_close(get(broker)[1], workers)
                    breathe()
            until_closed(broker)
            open_request.sendall(b"a=b")
            assert open_request.recv(4096).startswith(b"HTTP/1.1 401 ")
        assert broker.process.wait(timeout=PATIENCE) == 0
    assert broker.log.read_text() == ""


def test_what_is_not_finished_within_the_grace_is_cut_off(url: str, tmp_path: Path) -> None:
    with (
        serving(environ=settings(url, BROKER_SHUTDOWN_GRACE="1s"), cwd=tmp_path) as broker,
        begun(broker) as late,
    ):
        assert broker.stop(signal.SIGTERM) == 0
        # Nor that it was too slow, for which it would have had longer.
        assert not late.recv(4096).startswith((b"HTTP/1.1 2", b"HTTP/1.1 4"))


@either
def test_ctrl_c_does_not_serve_on(url: str, tmp_path: Path, workers: str) -> None:
    """It reaches every process of the terminal, which is no second signal: what is in hand is finished."""
    environ = settings(url, BROKER_SHUTDOWN_DRAIN="5m", BROKER_SHUTDOWN_GRACE="5m")
    with serving("--workers", workers, environ=environ, cwd=tmp_path) as broker:
        assert get(broker)[0] == 200
        with begun(broker) as open_request:
            for process in (broker.process.pid, *(children(broker.process.pid) if workers == "2" else ())):
                os.kill(process, signal.SIGINT)
            until_closed(broker)
            open_request.sendall(b"a=b")
            assert open_request.recv(4096).startswith(b"HTTP/1.1 401 ")
        assert broker.process.wait(timeout=PATIENCE) == 0


def test_a_delivery_on_its_way_is_finished(url: str, tmp_path: Path) -> None:
    """An app that takes its time hears of the sign-out once, and the broker knows that it did."""
    with socket.create_server(("127.0.0.1", 0)) as app:
        app.settimeout(PATIENCE)
        address = f"http://127.0.0.1:{app.getsockname()[1]}/signed-out"
        run_in_database(url, lambda tx: put_delivery(tx, address))
        environ = settings(url, BROKER_SHUTDOWN_GRACE="5m")
        with serving(environ=environ, cwd=tmp_path) as broker:
            connection, _ = app.accept()
            with connection:
                connection.settimeout(PATIENCE)
                assert connection.recv(4096).startswith(b"POST /signed-out ")
                broker.process.send_signal(signal.SIGTERM)
                until_closed(broker)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                assert broker.process.wait(timeout=PATIENCE) == 0
    assert run_in_database(url, lambda tx: outbox.due(tx, most=10, now=system_clock() + 3600)) == []


async def test_a_delivery_is_waited_for_once_the_process_comes_to_its_end(url: str) -> None:
    """The app answers only when nothing but the delivery is left."""

    class Watched(Leaving):
        """Tells when it was asked how long what is in hand may take."""

        def patience(self) -> float:
            asked.set()
            return super().patience()

    asked = asyncio.Event()
    called = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        called.set()
        await asked.wait()
        for _ in range(100):
            # Whoever did not wait has hung up by then.
            await asyncio.sleep(0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as app:
        address = f"http://127.0.0.1:{app.sockets[0].getsockname()[1]}/signed-out"
        database = await connect(url)
        await database.transact(put_delivery, address)
        leaving = Watched(0, 60, stopwatch)
        async with asyncio.timeout(5), running(load(settings(url)), leaving=leaving):
            await called.wait()
            leaving.drain()
        assert await database.read(outbox.due, most=10, now=system_clock() + 3600) == []
        await database.close()


async def test_a_delivery_gets_no_longer_than_the_grace(url: str) -> None:
    """The app that was to hear never answers; the delivery is left to whoever comes next."""
    called, left = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        while await reader.read(4096):
            pass
        writer.close()
        await writer.wait_closed()
        left.set()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as app:
        address = f"http://127.0.0.1:{app.sockets[0].getsockname()[1]}/signed-out"
        database = await connect(url)
        await database.transact(put_delivery, address)
        leaving = Leaving(0, 0.1, stopwatch)
        async with asyncio.timeout(5):
            async with running(load(settings(url)), leaving=leaving):
                await called.wait()
                leaving.drain()
            await left.wait()
        assert await database.read(outbox.due, most=10, now=system_clock() + 3600) != []
        await database.close()


@LINUX
def test_a_worker_that_is_killed_is_replaced_while_the_others_serve(url: str, tmp_path: Path) -> None:
    with serving("--workers", "2", environ=settings(url), cwd=tmp_path) as broker, loaded(broker) as load:
        load.answers(20)
        before = children(broker.process.pid)
        assert len(before) == 2
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        while len(after := children(broker.process.pid)) < 2 or killed in after:
            load.answers(1)
        (new,) = after - before
        while not listens(new):
            load.answers(1)
        load.answers(20)
        # Whatever was being answered by the one that was killed is lost, and nothing else.
        assert load.lost <= load.threads
        assert broker.stop(signal.SIGTERM) == 0
        (died,) = events(broker, "worker.died")
        assert (died["pid"], died["exit_code"]) == (killed, -signal.SIGKILL)


@LINUX
def test_a_worker_that_is_asked_to_end_finishes_and_is_replaced(url: str, tmp_path: Path) -> None:
    """So that an operator can renew them one by one."""
    with serving("--workers", "2", environ=settings(url), cwd=tmp_path) as broker, loaded(broker) as load:
        load.answers(20)
        before = children(broker.process.pid)
        os.kill(min(before), signal.SIGTERM)
        while len(after := children(broker.process.pid)) < 2 or after == before:
            load.answers(1)
        assert broker.stop(signal.SIGTERM) == 0
        assert [line["exit_code"] for line in events(broker, "worker.died")] == [0]


@LINUX
def test_a_service_manager_may_signal_every_process(url: str, tmp_path: Path) -> None:
    """As systemd does: they drain once, and no request fails meanwhile."""
    environ = settings(url, BROKER_SHUTDOWN_DRAIN="1s", BROKER_LOG_LEVEL="error")
    with serving("--workers", "2", environ=environ, cwd=tmp_path) as broker:
        assert get(broker)[0] == 200
        with begun(broker) as open_request:
            for process in (*children(broker.process.pid), broker.process.pid):
                os.kill(process, signal.SIGTERM)
            until_not_ready(broker)
            open_request.sendall(b"a=b")
            assert open_request.recv(4096).startswith(b"HTTP/1.1 401 ")
        assert broker.process.wait(timeout=PATIENCE) == 0
    assert broker.log.read_text() == ""


@LINUX
def test_workers_whose_supervisor_was_killed_end_and_give_the_port_back(url: str, tmp_path: Path) -> None:
    with serving("--workers", "2", environ=settings(url), cwd=tmp_path) as broker:
        assert get(broker)[0] == 200
        broker.process.kill()
        broker.process.wait(timeout=PATIENCE)
        until_closed(broker)
        with socket.create_server(("127.0.0.1", broker.port)):
            pass


def test_workers_that_die_again_and_again_are_given_up(url: str, tmp_path: Path) -> None:
    """In one sentence, after a bounded number of tries."""
    dying = tmp_path / "dying"
    dying.touch()
    environ = settings(url, DYING=str(dying))
    program = "tests.serving.dying"
    with starting("--workers", "2", environ=environ, cwd=tmp_path, program=program) as (process, log):
        assert process.wait(timeout=PATIENCE) == 1
    *deaths, sentence = log.read_text().splitlines()
    assert sentence == (
        "Error: The worker processes die as soon as they have started, again and again; look into the log."
    )
    assert [json.loads(line)["event"] for line in deaths] == ["worker.died"] * 4


@LINUX
def test_while_others_serve_a_worker_that_dies_again_and_again_is_not_the_end(url: str, tmp_path: Path) -> None:
    dying = tmp_path / "dying"
    environ = settings(url, DYING=str(dying))
    with serving("--workers", "2", environ=environ, cwd=tmp_path, program="tests.serving.dying") as broker:
        assert get(broker)[0] == 200
        while not all(listens(each) for each in children(broker.process.pid)):
            get(broker)
            breathe()
        dying.touch()
        os.kill(min(children(broker.process.pid)), signal.SIGKILL)
        while len(events(broker, "worker.died")) < 6:
            assert get(broker)[0] == 200
            breathe()
        delays = [line["next_in"] for line in events(broker, "worker.died")]
        assert delays[:6] == [0.0, 0.01, 0.02, 0.04, 0.08, 0.16]
        dying.unlink()
        while len(children(broker.process.pid)) < 2:
            assert get(broker)[0] == 200
            breathe()
        assert broker.stop(signal.SIGTERM) == 0


@dataclass
class Load:
    """Requests on new connections, from several threads, a hundred a second each at most."""

    broker: Serving
    threads: int = 4
    answered: int = 0
    lost: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    news: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        # Not so many that the worker that is to come hardly gets to its start.
        while not self.over.wait(BREATH):
            try:
                good = get(self.broker)[0] == 200
            except (OSError, http.client.HTTPException):
                good = False
            with self.news:
                self.answered += good
                self.lost += not good
                self.news.notify_all()

    def answers(self, more: int) -> None:
        """Wait for so many."""
        with self.news:
            wanted = self.answered + more
            assert self.news.wait_for(lambda: self.answered >= wanted, timeout=PATIENCE)


@contextlib.contextmanager
def loaded(broker: Serving) -> Iterator[Load]:
    """Under load until the block ends or the broker is told to."""
    load = Load(broker)
    get(broker)
    asking = [threading.Thread(target=load.run) for _ in range(load.threads)]
    for each in asking:
        each.start()
    try:
        yield load
    finally:
        load.over.set()
        for each in asking:
            each.join()


def listens(process: int) -> bool:
    """Whether it has so many threads and files that it serves: a worker opens its database first."""
    return b"broker.db" in b"".join(os.fsencode(one) for one in opened(process))


def opened(process: int) -> list[str]:
    folder = Path(f"/proc/{process}/fd")
    found = []
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            with contextlib.suppress(OSError):
                found.append(str(each.readlink()))
    return found


def run_in_database(url: str, work: Callable[[Transaction], Coroutine[Any, Any, Any]]) -> Any:
    """What one transaction answers."""

    async def run() -> Any:
        database = await connect(url)
        try:
            return await database.transact(work)
        finally:
            await database.close()

    return asyncio.run(run())


async def put_delivery(tx: Transaction, address: str) -> None:
    now = system_clock()
    metadata = {"redirect_uris": ["https://app.example/cb"], "backchannel_logout_uri": address}
    await clients.add(tx, WEB, metadata, None, now=now)
    payload = {"client_id": WEB, "sub": "usr_1", "sid": "ses_1"}
    await outbox.put(tx, sessions.LOGOUT, payload, expires_at=now + 3600, now=now)
