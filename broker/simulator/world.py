"""Everything the simulator knows, in memory: apps, people, grants, browser sessions, faults and counters."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from broker.simulator import opaque, posting, webhook_events
from broker.simulator.apps import App
from broker.simulator.clock import Clock, system_clock
from broker.simulator.faults import Fault, Faults
from broker.simulator.grants import Grants
from broker.simulator.people import PEOPLE, Person
from broker.simulator.posting import Post
from broker.simulator.rates import SlidingWindow
from broker.simulator.switches import Switches
from broker.simulator.webhooks import Webhooks

__all__ = ["App", "Fault", "Person", "Switches", "World"]

_MAX_SESSIONS = 10_000


class World:
    """One TikTok. Give it apps with `add_app`; the five people `p1` to `p5` are there already.

    `clock` answers epoch seconds; `sleep` is what the fault `slow` waits with; `public_origin` is where browsers
    reach the simulator when that is not where the API is called (avatar links need it); `post` carries webhooks.
    """

    def __init__(
        self,
        *,
        clock: Clock = system_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        public_origin: str | None = None,
        post: Post = posting.post,
    ) -> None:
        self.clock = clock
        self.sleep = sleep
        self.public_origin = public_origin
        self.switches = Switches()
        self.apps: dict[str, App] = {}
        self.people: dict[str, Person] = {person.id: person for person in PEOPLE}
        self.grants = Grants()
        self.faults = Faults()
        self.user_info_rate = SlidingWindow()
        self.avatar_key = opaque.avatar_key()
        self.counters: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.webhooks = Webhooks(clock, post, lambda: self.switches)
        self.gone: set[str] = set()
        self._sessions: dict[str, str] = {}

    def add_app(self, app: App) -> None:
        """Register an app. Raises `ValueError` when the client key is taken."""
        if app.client_key in self.apps:
            raise ValueError(f"there is an app with the client key {app.client_key} already")
        self.apps[app.client_key] = app

    def count(self, endpoint: str, what: str) -> None:
        """One more `calls`, `faults`, `errors` or name of a grant at an endpoint."""
        self.counters[endpoint][what] += 1

    def log_id(self) -> str:
        """A fresh log id."""
        return opaque.log_id(self.clock())

    def rename(self, person_id: str, *, display_name: str | None = None, username: str | None = None) -> Person:
        """A person changes their profile. Raises `KeyError` when there is no such person."""
        person = self.people[person_id]
        self.people[person_id] = replace(
            person,
            display_name=person.display_name if display_name is None else display_name,
            username=person.username if username is None else username,
        )
        return self.people[person_id]

    def remove_grant(self, person_id: str, client_key: str, *, reason: int) -> None:
        """End what a person has allowed an app, and only then tell the app (`webhook_events.REASONS`)."""
        self.grants.remove(person_id, client_key)
        open_id = self.people[person_id].open_id(client_key)
        event = webhook_events.removed(client_key, open_id, reason, self.clock())
        self.webhooks.announce(self.apps[client_key], event)

    def close_account(self, person_id: str, *, reason: int) -> None:
        """TikTok deletes or bans an account: every app loses it, and nobody signs in to it until restored."""
        self.gone.add(person_id)
        for client_key in self.grants.clients_of(person_id):
            self.remove_grant(person_id, client_key, reason=reason)

    def begin_session(self, person_id: str) -> str:
        """Sign a browser in at the simulator; the value of its cookie."""
        cookie = opaque.session_cookie()
        self._sessions[cookie] = person_id
        if len(self._sessions) > _MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return cookie

    def signed_in(self, cookie: str | None) -> Person | None:
        """The person whose browser brings this cookie, unless their account is gone."""
        person_id = self._sessions.get(cookie or "")
        return None if person_id is None or person_id in self.gone else self.people[person_id]

    def end_sessions(self) -> None:
        """Sign every browser out; what people have allowed stays."""
        self._sessions.clear()
