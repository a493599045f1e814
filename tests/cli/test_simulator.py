"""`broker simulator`."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.cli.running import PATIENCE, clean, run
from tests.simulator.driver import CHALLENGE, VERIFIER
from tests.stage import free_port

CANARY = "canary-simulator-secret"
PHONE = "https://links.app.example/tiktok"


@pytest.mark.parametrize(("number", "elsewhere"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_it_prints_what_a_broker_needs_and_can_have_another_origin_for_browsers(
    tmp_path: Path, number: int, elsewhere: bool
) -> None:
    """Nothing has to be given. Pictures are fetched by browsers, so their links follow the browsers' origin."""
    port = free_port()
    public_origin = f"http://{'localhost' if elsewhere else '127.0.0.1'}:{port}"
    options = ["--public-origin", public_origin] if elsewhere else []
    options += ["--native-redirect-uri", PHONE]
    process = subprocess.Popen(
        [sys.executable, "-m", "broker", "simulator", "--port", str(port), *options],
        env=clean({}),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    patience = threading.Timer(PATIENCE, process.kill)
    patience.start()
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline().strip() for _ in range(5)]
        exported = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
        while "startup complete" not in (line := process.stderr.readline()) and "Started" not in line:
            assert line
        assert exported["BROKER_TIKTOK_API_URL"] == f"http://127.0.0.1:{port}"
        question = {
            "client_key": exported["BROKER_TIKTOK_CLIENT_KEY"],
            "redirect_uri": "http://localhost:8000/callback/tiktok",
            "response_type": "code",
            "scope": "user.info.basic",
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        page = exported["BROKER_TIKTOK_AUTHORIZE_URL"]
        assert page.startswith(f"{public_origin}/")
        assert httpx.get(page, params=question).status_code == 200
        assert httpx.get(lines[-1].rpartition(" ")[2]).status_code == 200
        consent = {"person": "p1", "scope": "user.info.basic", "action": "allow"}
        sent_back = httpx.post(page, params=question, data=consent).headers["location"]
        form = {
            "client_key": exported["BROKER_TIKTOK_CLIENT_KEY"],
            "client_secret": exported["BROKER_TIKTOK_CLIENT_SECRET"],
            "grant_type": "authorization_code",
            "code": httpx.URL(sent_back).params["code"],
            "redirect_uri": question["redirect_uri"],
            "code_verifier": VERIFIER,
        }
        tokens = httpx.post(f"{exported['BROKER_TIKTOK_API_URL']}/v2/oauth/token/", data=form).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        asked = f"{exported['BROKER_TIKTOK_API_URL']}/v2/user/info/?fields=avatar_url"
        person = httpx.get(asked, headers=bearer).json()["data"]["user"]
        assert person["avatar_url"].startswith(f"{public_origin}/")
        on_a_phone = {"redirect_uri": PHONE, "code_challenge": CHALLENGE, "person": "p1"}
        wanted = {"client_key": question["client_key"], **on_a_phone}
        assert httpx.post(f"{public_origin}/_simulator/native-code", json=wanted).json()["code"]
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()
        patience.cancel()


def test_a_taken_port_is_one_sentence_and_a_given_secret_is_not_repeated() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("simulator", "--port", port, "--client-key", "sbkey", "--client-secret", CANARY)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Port {port} of 127.0.0.1 cannot be used")
    assert result.stderr.count("\n") == 1
    assert CANARY not in result.output
    assert "# export BROKER_TIKTOK_CLIENT_SECRET=" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--client-key", "no key"),
        ("--redirect-uri", "https://app.example/callback"),
        ("--platform", "web"),
        ("--platform", "toaster"),
        ("--public-origin", "localhost:8001"),
        ("--public-origin", "http://localhost:8001/"),
        ("--public-origin", "http://localhost:8001/tiktok"),
        ("--port", "0"),
        ("--webhook-url", "localhost:8000/webhooks/tiktok"),
        ("--native-redirect-uri", "http://localhost:8000/tiktok"),
    ],
)
def test_an_app_that_tiktok_would_refuse_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run("simulator", *arguments).exit_code == 2


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("0.0.0.0", "localhost"),
        ("::", "localhost"),
        ("", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "[::1]"),
    ],
)
def test_the_printed_address_can_be_opened(host: str, shown: str) -> None:
    """No port is to be had on an address that is not here, so that the command ends by itself."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        if ":" in host:
            with socket.socket(socket.AF_INET6) as probe:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                try:
                    probe.bind((host, int(port)))
                except OSError:
                    pytest.skip("this machine has no IPv6")
                probe.listen()
                result = run("simulator", "--host", host, "--port", port)
        else:
            result = run("simulator", "--host", host, "--port", port)
    assert f"export BROKER_TIKTOK_API_URL='http://{shown}:{port}'" in result.stdout.replace(
        f"=http://{shown}:{port}\n", f"='http://{shown}:{port}'\n"
    )
