"""An answer is one system call and one packet, and nothing that was written is kept back or lost."""

import asyncio

import pytest

from broker.cli.http_writing import OneWrite


class Wire(asyncio.Transport):
    """A connection that remembers what was written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
async def wire() -> tuple[Wire, OneWrite]:
    """The connection, and what uvicorn takes for it."""
    connection = Wire()
    return connection, OneWrite(connection, asyncio.get_running_loop())


async def test_a_head_and_its_body_go_out_together(wire: tuple[Wire, OneWrite]) -> None:
    connection, writing = wire
    for answer in (b"1", b"2"):
        writing.write(b"head" + answer)
        writing.write(b"body" + answer)
    assert connection.written == [b"head1body1", b"head2body2"]
    await asyncio.sleep(0)
    assert len(connection.written) == 2


async def test_a_head_without_a_body_goes_out_when_the_turn_is_over(wire: tuple[Wire, OneWrite]) -> None:
    connection, writing = wire
    writing.write(b"head")
    writing.write(b"")
    assert connection.written == [b"head"]
    writing.write(b"another")
    assert connection.written == [b"head"]
    await asyncio.sleep(0)
    assert connection.written == [b"head", b"another"]


async def test_what_waits_goes_out_before_the_end_and_nothing_after_it(wire: tuple[Wire, OneWrite]) -> None:
    connection, writing = wire
    writing.write(b"last words")
    writing.close()
    assert (connection.written, connection.closed) == ([b"last words"], True)
    writing.write(b"too late")
    await asyncio.sleep(0)
    assert connection.written == [b"last words"]
