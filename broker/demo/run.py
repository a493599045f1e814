"""The whole demo in one process: simulator, broker and sample app, until somebody stops it."""

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias

from starlette.types import ASGIApp

from broker import log
from broker.clock import system_clock
from broker.demo import broker_side, tiktok, words
from broker.demo.addresses import Addresses
from broker.demo.backend import AccessTokens, Backend
from broker.demo.check import Target, check
from broker.demo.sample.app import create_app
from broker.demo.servers import CannotServe, listen, serving
from broker.demo.tiktok import TikTokApp
from broker.store import migrations

Broker: TypeAlias = Callable[[Mapping[str, str]], AbstractAsyncContextManager[ASGIApp]]
"""Opens the broker with these environment variables."""

_SIMULATED = "TikTok is simulated here: nobody real signs in."


@dataclass(frozen=True)
class Options:
    """What was asked for: the first port, TikTok itself through one's own app, or one sign-in and no more."""

    port: int
    live: TikTokApp | None = None
    check: bool = False
    verbose: bool = False


async def run(options: Options, broker: Broker, say: Callable[[str], None]) -> bool:
    """Run the demo until a signal ends it, or until the check is done; whether all went well.

    Raises `CannotServe`, whose text is for whoever started it, and what opening the broker raises.
    """
    stopped = _stop_on_signals()
    addresses = Addresses(options.port)
    log.configure("console", "info" if options.verbose else "warning")
    async with running(addresses, broker, options.live) as target:
        if options.check:
            return await _check_unless(stopped, target, say)
        say(words.running(addresses, options.live))
        await stopped.wait()
        say("The demo has ended.")
        return True


@contextlib.asynccontextmanager
async def running(addresses: Addresses, broker: Broker, live: TikTokApp | None = None) -> AsyncIterator[Target]:
    """Everything started and answering, in a scratch folder that is gone afterwards.

    Raises `CannotServe` when a port is taken, and what opening the broker raises: a live client key or secret
    may be of a form that cannot be one.
    """
    _refuse_a_proxy()
    developer = live or tiktok.invented()
    with contextlib.ExitStack() as held:
        sockets = _listen(held, addresses, 2 if live else 3)
        database_url = f"sqlite:///{_scratch_folder(held)}/broker.db"
        environ = {**broker_side.settings(addresses, database_url), **developer.settings()}
        if not live:
            environ |= tiktok.simulator_settings(addresses)
        await asyncio.to_thread(migrations.upgrade, database_url)
        config = await broker_side.register(database_url, addresses, "" if live else _SIMULATED)
        tokens = AccessTokens(config.issuer, config.api_url, f"{config.issuer}/.well-known/jwks.json")
        async with broker(environ) as service:
            apps: list[ASGIApp] = [create_app(config, system_clock, Backend(tokens).routes()), service]
            if not live:
                apps.append(tiktok.simulator(developer, addresses))
            async with serving(*zip(apps, sockets, strict=True)):
                yield Target(config.origin, config.issuer, config.client_id, config.api_url)


def _scratch_folder(held: contextlib.ExitStack) -> str:
    try:
        return held.enter_context(tempfile.TemporaryDirectory(prefix="broker-demo-"))
    except OSError as fault:
        raise CannotServe(
            f"No scratch folder can be made ({fault}); set TMPDIR to one that can be written."
        ) from fault


def _listen(held: contextlib.ExitStack, addresses: Addresses, count: int) -> list[list[socket.socket]]:
    groups = []
    for port in range(addresses.port, addresses.port + count):
        groups.append(listen(port))
        for opened in groups[-1]:
            held.callback(opened.close)
    return groups


def _refuse_a_proxy() -> None:
    if "http" in urllib.request.getproxies() and not urllib.request.proxy_bypass("localhost"):
        raise CannotServe(
            "An HTTP proxy is set for this shell and would get the requests meant for localhost; "
            "set NO_PROXY=localhost and run the demo again."
        )


def _stop_on_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    # On Windows a loop takes no signal handlers; there Ctrl-C cancels the running task instead.
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
    return stopped


async def _check_unless(stopped: asyncio.Event, target: Target, say: Callable[[str], None]) -> bool:
    checking = asyncio.create_task(check(target, say))
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((checking, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if checking.done():
        return await checking
    checking.cancel()
    say("✗ Stopped before the end.")
    return False
