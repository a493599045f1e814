"""The head of an answer and its body go out together, though uvicorn writes one after the other: in one packet."""

import asyncio
from typing import Any


class OneWrite(asyncio.Transport):
    """A connection on which what is written waits for what follows, until this turn of the event loop is over.

    It has what uvicorn's HTTP protocol asks of a connection.
    """

    def __init__(self, connection: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._connection = connection
        self._loop = loop
        self._waiting = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._waiting:
            self._waiting += data
            self._flush()
        elif data:
            self._waiting = bytes(data)
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._connection.close()

    def is_closing(self) -> bool:
        return self._connection.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._connection.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._connection.set_protocol(protocol)

    def pause_reading(self) -> None:
        self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._connection.resume_reading()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, b""
        if waiting and not self._connection.is_closing():
            self._connection.write(waiting)
