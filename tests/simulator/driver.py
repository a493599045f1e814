"""An app of the simulator's, played by a test: it sends people there and redeems what comes back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from broker.simulator.app import create_app
from broker.simulator.world import App, World

NOW = 1_800_000_000
KEY = "aw0example0key01"
SANDBOX_KEY = "sbaw0example0key01"
WEB_KEY = "aw0example0web01"
SECRET = "ExampleClientSecret0123456789abcdef"
REDIRECT_URI = "http://localhost:8001/callback/tiktok"
WEBHOOK = "https://app.example.com/webhooks/tiktok"
WEB_REDIRECT_URI = "https://app.example.com/callback/"
# TikTok's own Android unit test.
VERIFIER = "gaeCq5mVvbhA8Ce6w5O9XBVIKMkySgv-_9A-rnhm9Ns"
CHALLENGE = "e6a178b120743d08509508f269652b0bdf91e29332921bc9e9744fd3dd41bfef"
BASE64URL_CHALLENGE = "5qF4sSB0PQhQlQjyaWUrC9-R4pMykhvJ6XRP091Bv-8"
FORM = {"content-type": "application/x-www-form-urlencoded"}

AUTHORIZE = "/v2/auth/authorize/"
BASIC = "user.info.basic"
PROFILE = "user.info.profile"
STATS = "user.info.stats"


class HeldClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Driver:
    """One world, one browser and one app's back end."""

    def __init__(self) -> None:
        self.clock = HeldClock()
        self.slept: list[float] = []
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        self.webhook_status: int | None = 200
        self.world = World(clock=self.clock, sleep=self._sleep, post=self._post)
        self.world.add_app(App(KEY, SECRET, [REDIRECT_URI], webhook_url=WEBHOOK))
        self.world.add_app(App(SANDBOX_KEY, SECRET, [REDIRECT_URI], sandbox_testers=["p1", "p2"]))
        self.world.add_app(App(WEB_KEY, SECRET, [WEB_REDIRECT_URI], "web", [BASIC], developer="Another developer"))
        self.app = create_app(self.world)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://simulator.test"
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int | None:
        self.posted.append((url, dict(headers), body))
        return self.webhook_status

    def query(self, **changes: str | None) -> str:
        """A good authorize query; None leaves a parameter out."""
        parameters: dict[str, str | None] = {
            "client_key": KEY,
            "response_type": "code",
            "scope": f"{BASIC},{PROFILE}",
            "redirect_uri": REDIRECT_URI,
            "state": "st&te/+ é",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return urlencode({name: value for name, value in (parameters | changes).items() if value is not None})

    async def show(self, **changes: str | None) -> httpx.Response:
        """Open the authorize page."""
        return await self.http.get(f"{AUTHORIZE}?{self.query(**changes)}")

    async def press(
        self,
        action: str = "allow",
        person: str = "p1",
        scopes: tuple[str, ...] = (BASIC, PROFILE),
        **changes: str | None,
    ) -> httpx.Response:
        """Post the consent form."""
        form = {"person": person, "scope": list(scopes), "action": action}
        return await self.http.post(f"{AUTHORIZE}?{self.query(**changes)}", data=form)

    async def code(
        self, person: str = "p1", scopes: tuple[str, ...] = (BASIC, PROFILE), **changes: str | None
    ) -> str:
        """A fresh code."""
        return callback(await self.press("allow", person, scopes, **changes))["code"]

    async def token(self, **fields: str | None) -> httpx.Response:
        """Call the token endpoint; None leaves a field out."""
        form = {"client_key": KEY, "client_secret": SECRET} | fields
        content = urlencode({name: value for name, value in form.items() if value is not None})
        return await self.http.post("/v2/oauth/token/", content=content, headers=FORM)

    async def redeem(self, code: str, /, **fields: str | None) -> httpx.Response:
        """Redeem a code as the app should."""
        usual: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        return await self.token(**(usual | fields))

    async def refresh(self, refresh_token: str, /, **fields: str | None) -> httpx.Response:
        """Use a refresh token."""
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token, **fields)

    async def revoke(self, token: str, client_key: str = KEY) -> httpx.Response:
        """End the grant of an access token."""
        content = urlencode({"client_key": client_key, "client_secret": SECRET, "token": token})
        return await self.http.post("/v2/oauth/revoke/", content=content, headers=FORM)

    async def sign_in(
        self, person: str = "p1", scopes: tuple[str, ...] = (BASIC, PROFILE), **changes: str | None
    ) -> dict[str, Any]:
        """The token body of a whole sign-in."""
        body: dict[str, Any] = (await self.redeem(await self.code(person, scopes, **changes))).json()
        assert "access_token" in body, body
        return body

    async def user_info(self, access_token: str, fields: str = "open_id") -> httpx.Response:
        """Ask who somebody is."""
        headers = {"authorization": f"Bearer {access_token}"}
        return await self.http.get("/v2/user/info/", params={"fields": fields}, headers=headers)

    async def fault(self, **options: Any) -> None:
        """Let something go wrong."""
        response = await self.http.post("/_simulator/faults", json=options)
        assert response.status_code == 200, response.text

    async def control(self, path: str, **options: Any) -> dict[str, Any]:
        """Do something at a control endpoint; its answer."""
        response = await self.http.post(f"/_simulator/{path}", json=options)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def settings(self, **options: Any) -> None:
        """Set switches."""
        response = await self.http.post("/_simulator/settings", json=options)
        assert response.status_code == 200, response.text


def callback(response: httpx.Response, to: str = REDIRECT_URI) -> dict[str, str]:
    """The parameters that went back to the app."""
    assert response.status_code == 302, response.text
    location = response.headers["location"]
    assert location.startswith(f"{to}?"), location
    return single(location)


def single(location: str) -> dict[str, str]:
    """The query of a URL, each name once."""
    values = parse_qs(urlsplit(location).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(value) == 1 for value in values.values()), location
    return {name: value[0] for name, value in values.items()}


def refused(response: httpx.Response) -> tuple[str, str]:
    """Error and description of a token endpoint's refusal, whose shape is checked."""
    body = response.json()
    assert body.keys() == {"error", "error_description", "log_id"}
    assert body["log_id"] == response.headers["x-tt-logid"]
    return body["error"], body["error_description"]
