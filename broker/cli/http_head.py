"""uvicorn's httptools protocol, with a bound on what it collects before a request is handed on.

The parser keeps the request line and headers (and a chunked body's trailers) until they are complete, however
long that takes; an anonymous sender could fill the memory. Bodies are bounded where they are read.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES: Final = 64 * 1024
"""Room for a query of 16 KiB and all the cookies that a browser sends."""

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHead(HttpToolsProtocol):
    """Ends a connection on which more than `MOST_BYTES` have come without completing anything (RFC 6585 §5)."""

    _collected = 0

    def data_received(self, data: bytes) -> None:
        self._collected += len(data)
        super().data_received(data)
        if self._collected <= MOST_BYTES or self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_TOO_LARGE)
        self.transport.close()

    def on_headers_complete(self) -> None:
        self._collected = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._collected = 0
        super().on_body(body)
