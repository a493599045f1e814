"""The load generator, a process of its own: `python -m benchmarks.generator '{"port": …}'`.

Its first line on standard output names the legs that the target has, by its discovery document. From then on a
line of JSON on standard input names a leg and how often, to fill the stock for it or to play it, and one on
standard output says how it went.
"""

import json
import sys
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.browser import World, shown
from benchmarks.connections import Driven, Play, ask
from benchmarks.endpoints import Client, Endpoints, discovery
from benchmarks.http import Unexpected
from benchmarks.journeys import App, Parties
from benchmarks.legs import LEGS

Plan = dict[str, Any]
"""`port`, `at_once`, and what `targets.Program.plan` says of the target."""


def app_at(plan: Plan) -> App:
    """The app at the target, whose discovery document is read. Raises `Unexpected`, `OSError`."""
    parties = Parties(
        plan["issuer"],
        Client(**plan["app"]),
        Client(**plan["backend"]),
        plan["resource"],
        plan["tiktok_resource"],
    )
    answer = ask(plan["port"], discovery(parties.issuer))
    if answer.status != 200:
        raise Unexpected(f"there is no discovery document: {shown(answer)}")
    endpoints = Endpoints(json.loads(answer.body))
    return App(World(endpoints.origin, plan["tiktok_page"], plan["redirect_uri"]), endpoints, parties)


def stock(app: App, leg: str, count: int, *, port: int, at_once: int) -> None:
    """Make what it takes to play a leg that often."""
    for need in LEGS[leg].needs(app, count, at_once):
        if need.count > 0:
            Play(partial(need.play, app), port, need.count, at_once).run()


def drive(app: App, leg: str, count: int, *, port: int, at_once: int) -> Driven:
    """Play a leg that often."""
    return Play(partial(LEGS[leg].play, app), port, count, at_once).run()


def _obey(plan: Plan) -> None:
    app = app_at(plan)
    _say([name for name, leg in LEGS.items() if leg.possible(app)])
    for line in sys.stdin:
        order = json.loads(line)
        do = {"stock": stock, "drive": drive}[order["do"]]
        done = do(app, order["leg"], order["count"], port=plan["port"], at_once=plan["at_once"])
        _say(asdict(done) if done else None)


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    try:
        _obey(json.loads(sys.argv[1]))
    except (Unexpected, OSError) as failed:
        sys.exit(f"The load generator cannot go on: {failed}")
