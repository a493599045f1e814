"""The load generator's browser: what ends its journey, what is TikTok's, and what it keeps."""

from collections.abc import Mapping

import pytest

from benchmarks.browser import Asking, Browser, World
from benchmarks.cookies import Jar
from benchmarks.http import Message, Unexpected, split

WORLD = World("https://id.example", "http://127.0.0.1:9/page/", "https://app.example/callback")


def redirect(location: str, *cookies: str, status: int = 302) -> bytes:
    lines = "".join(f"set-cookie: {cookie}\r\n" for cookie in cookies)
    return f"HTTP/1.1 {status} Found\r\nlocation: {location}\r\n{lines}content-length: 0\r\n\r\n".encode()


def walked(journey: Asking[str], answers: Mapping[str, bytes]) -> tuple[str, list[str]]:
    """Where a journey ends, and what it asked on the way, when each target answers as given."""
    asked: list[str] = []
    request = next(journey)
    try:
        while True:
            asked.append(request.decode())
            answer, rest = split(answers[asked[-1].split(" ")[1]])
            assert answer is not None
            assert rest == b""
            request = journey.send(answer)
    except StopIteration as end:
        return end.value, asked


def test_a_sign_in_is_followed_through_the_targets_own_redirects_and_tiktoks_page() -> None:
    """Some send browsers around among pages of their own first, with relative addresses and narrow cookies."""
    page = "http://127.0.0.1:9/page/?client_key=k&redirect_uri=https%3A%2F%2Fid.example%2Fback&state=a%2Bb"
    answers = {
        "/authorize?x=1": redirect("/interaction/7", "step=1; Path=/interaction/7", status=303),
        "/interaction/7": redirect(page, "step=2; Path=/back", "odd=; Max-Age=0"),
        "/back?code=5%2A&scopes=user.info.basic&state=a%2Bb": redirect(
            "https://id.example/authorize/7", "sid=s; Path=/"
        ),
        "/authorize/7": redirect("last?y=2"),
        "/authorize/last?y=2": redirect("https://app.example/callback?code=c&state=s"),
    }
    reached, asked = walked(Browser(WORLD).visit("https://id.example/authorize?x=1", tiktok_code="5%2A"), answers)
    assert reached == "https://app.example/callback?code=c&state=s"
    cookies = [
        dict(line.split(": ", 1) for line in each.split("\r\n")[1:] if line).get("Cookie") for each in asked
    ]
    assert cookies == [None, "step=1", "step=2", "sid=s", "sid=s"]
    assert all("\r\nHost: id.example\r\n" in each for each in asked)


@pytest.mark.parametrize(
    "location", ["https://elsewhere.example/", "http://id.example/", "https://id.example.evil/"]
)
def test_a_browser_that_is_led_away_ends_the_benchmark(location: str) -> None:
    with pytest.raises(Unexpected, match="led away"):
        walked(Browser(WORLD).visit("/authorize", tiktok_code=""), {"/authorize": redirect(location)})


def test_a_page_and_a_circle_end_the_benchmark() -> None:
    page = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    with pytest.raises(Unexpected, match="a redirect was expected"):
        walked(Browser(WORLD).visit("/authorize", tiktok_code=""), {"/authorize": page})
    with pytest.raises(Unexpected, match="redirects"):
        walked(Browser(WORLD).visit("/authorize", tiktok_code=""), {"/authorize": redirect("/authorize")})


def test_a_cookie_is_sent_below_its_path_only_and_until_it_is_deleted() -> None:
    """RFC 6265 §5.1.4 and §5.4."""
    jar = Jar()
    jar.take("wide=1; path=/; HttpOnly", path="/a/b")
    jar.take("narrow=2; Path=/a", path="/x")
    jar.take("own=3", path="/a/b")
    jar.take("wide=4; Path=/a; SameSite=Lax", path="/")
    assert jar.header("/") == "wide=1"
    assert jar.header("/ab") == "wide=1"
    assert sorted(jar.header("/a/b").split("; ")) == ["narrow=2", "own=3", "wide=1", "wide=4"]
    assert jar.header("/a/b").endswith("wide=1")
    jar.take("wide=; Max-Age=0; Path=/", path="/")
    jar.take('narrow=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/a', path="/")
    assert jar.header("/") == ""
    assert jar.header("/a") == "own=3; wide=4"


def test_messages_are_cut_where_they_end_and_chunks_are_refused() -> None:
    first, rest = split(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 ")
    assert first == Message(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", b"ok")
    assert split(rest) == (None, rest)
    with pytest.raises(Unexpected, match="Content-Length"):
        split(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
