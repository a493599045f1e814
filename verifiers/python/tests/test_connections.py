"""The verifiers with their own HTTP clients, over a real connection on this machine."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import attacks
from broker_side import NOW, token
from minting import public
from tiktok_broker_verifier import AsyncVerifier, Policy, Verifier


class KeySet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"keys": [public(name) for name in attacks.PUBLISHED]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        pass


@pytest.fixture
def policy() -> Iterator[Policy]:
    with ThreadingHTTPServer(("127.0.0.1", 0), KeySet) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        address = f"http://127.0.0.1:{server.server_port}/keys"
        yield Policy(issuer=attacks.ISSUER, audience=attacks.AUDIENCE, jwks_uri=address)
        server.shutdown()
        serving.join()


def test_a_verifier_outlives_the_event_loop_it_began_in(policy: Policy) -> None:
    """A framework's test client has a loop of its own for each request."""
    now = NOW

    def clock() -> int:
        return now

    verifier = AsyncVerifier(policy, clock=clock)
    lasting = token(exp=NOW + 86_400)
    for _ in range(3):
        assert asyncio.run(verifier.verify(lasting))
        now += 301
    assert verifier._checks.keys.tries == 3


def test_a_thread_asks_over_a_connection_too(policy: Policy) -> None:
    with Verifier(policy, clock=lambda: NOW) as verifier:
        assert verifier.verify(token())
