"""The sockets of `broker serve`: bound before anything is begun, so that a taken port changes nothing."""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterable, Iterator

import click

_UNREAD_MILLISECONDS = 30_000
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@contextlib.contextmanager
def bound(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Sockets on every address that `host` means; with port 0 on any free port, the same for all of them.

    Nobody can connect to them before `listen`. Raises `click.ClickException` when they cannot be had.
    """
    with contextlib.ExitStack() as stack:
        with _explained(host, port):
            sockets = _bound(stack, host, port)
        yield sockets


def listen(sockets: Iterable[socket.socket], backlog: int) -> None:
    """Let browsers connect from now on. Raises `click.ClickException` when somebody else was quicker."""
    for opened in sockets:
        host, port = opened.getsockname()[:2]
        with _explained(host, port):
            opened.listen(backlog)


def address(listener: socket.socket) -> str:
    """The socket's address as the beginning of a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bound(stack: contextlib.ExitStack, host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    # A name may come with one address twice.
    for family, _, _, _, (name, *_rest) in dict.fromkeys(found):
        try:
            opened = _bind(family, str(name), port)
        except OSError as error:
            # `localhost` means ::1 even on a machine without IPv6; one of its addresses will do.
            if error.errno not in _NOT_HERE:
                raise
            missing = error
            continue
        stack.callback(opened.close)
        sockets.append(opened)
        port = opened.getsockname()[1]
    if missing is not None and not sockets:
        raise missing
    return sockets


def _bind(family: int, name: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Elsewhere the option means that two programs may share the port.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Connections inherit it, in whatever event loop: asyncio sets it only where the socket names its protocol,
        # and an answer's second part would wait for the first one's acknowledgement (RFC 896).
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            # Likewise inherited: who takes nothing of an answer for so long is gone (RFC 5482 §1).
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MILLISECONDS)
        opened.bind((name, port))
    except OSError:
        opened.close()
        raise
    opened.setblocking(False)
    return opened


@contextlib.contextmanager
def _explained(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise click.ClickException(
            f"Port {port} of {host} cannot be used ({error.strerror or error}); "
            "choose another with --port or --host, or end what uses it."
        ) from error
