"""`broker keys`: list, rotate, revoke; what breaks something asks first."""

import asyncio
import json

from sqlalchemy import select

from broker.clock import system_clock
from broker.store.database import connect
from broker.store.schema import audit_events
from tests.by_hand import execute
from tests.cli.keys_there import keys, listed, one_algorithm, url
from tests.cli.running import rows, run
from tests.keys.made import DAY

# Fixtures of this module.
__all__ = ["one_algorithm", "url"]


def ready(url: str) -> None:
    """Have the announced keys been published for long enough."""

    async def age() -> None:
        database = await connect(url)
        await execute(database, f"UPDATE signing_keys SET created_at = created_at - {DAY}, ready_at = 0")
        await database.close()

    asyncio.run(age())


def test_the_list_says_what_each_key_does_and_until_when(url: str) -> None:
    signing, announced = listed(url)
    assert (signing["state"], announced["state"]) == ("signing", "announced")
    assert signing["signs_until"] == announced["signs_from"] == signing["signs_from"] + 90 * DAY
    assert signing["gone_at"] == signing["signs_until"] + 600 + 300
    assert announced["gone_at"] is announced["signs_until"] is None
    shown = run("keys", "list", url=url)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[0].split()[:3] == ["KID", "FOR", "STATE"]
    assert {signing["kid"], announced["kid"]} < set(shown.stdout.split())
    assert "refresh tokens" in shown.stdout


def test_without_a_key_the_list_is_empty(url: str) -> None:
    asyncio.run(_emptied(url))
    assert json.loads(run("keys", "list", "--json", url=url).stdout) == []
    assert "makes them" in run("keys", "list", url=url).stderr


async def _emptied(url: str) -> None:
    database = await connect(url)
    await execute(database, "DELETE FROM signing_keys")
    await database.close()


def test_rotate_waits_until_every_verifier_knows_the_key_and_says_so_when_asked_again(url: str) -> None:
    _, announced = listed(url)
    result = keys(url, "rotate", "--alg", "ES256")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert "when every verifier knows it" in result.stdout
    (_, waiting) = listed(url)
    assert (waiting["kid"], waiting["signs_from"]) == (announced["kid"], announced["created_at"] + 665)
    again = keys(url, "rotate", "--alg", "ES256")
    assert again.exit_code == 0
    assert "waits already" in again.stdout
    assert listed(url) == listed(url)
    assert listed(url, "HS256")[1]["signs_from"] > system_clock() + 80 * DAY
    events = rows(url, select(audit_events.c.event, audit_events.c.reason))
    assert ("key.rotated", announced["kid"]) in [(row["event"], row["reason"]) for row in events]


def test_rotate_of_a_ready_key_signs_at_once_and_announces_the_next(url: str) -> None:
    ready(url)
    old, announced = listed(url)
    result = keys(url, "rotate")
    assert result.exit_code == 0, result.output
    assert f"ES256: {announced['kid']} signs from now on." in result.stdout
    states = {key["kid"]: key["state"] for key in listed(url)}
    assert states.pop(old["kid"]) == "retained"
    assert states.pop(announced["kid"]) == "signing"
    assert list(states.values()) == ["announced"]
    assert [key["state"] for key in listed(url, "HS256")] == ["retained", "signing", "announced"]


def test_rotate_now_says_what_it_breaks_and_asks(url: str) -> None:
    _, announced = listed(url)
    refused = keys(url, "rotate", "--now", "--alg", "ES256")
    assert refused.exit_code == 1
    assert "Not every verifier knows the next key yet: ES256." in refused.stderr
    assert "for up to 11m" in refused.stderr
    assert listed(url)[1]["state"] == "announced"
    assert keys(url, "rotate", "--now", "--alg", "ES256", "--yes").exit_code == 0
    assert listed(url)[1]["kid"] == announced["kid"]
    assert [key["state"] for key in listed(url)] == ["retained", "signing", "announced"]


def test_rotate_now_of_a_ready_key_breaks_nothing_and_does_not_ask(url: str) -> None:
    ready(url)
    assert keys(url, "rotate", "--now").exit_code == 0
    assert [key["state"] for key in listed(url)] == ["retained", "signing", "announced"]


def test_revoke_asks_and_the_announced_key_takes_over(url: str) -> None:
    signing, announced = listed(url)
    refused = keys(url, "revoke", signing["kid"])
    assert refused.exit_code == 1
    assert "Every token that it signed is void" in refused.stderr
    assert len(listed(url)) == 2
    done = keys(url, "revoke", signing["kid"], "--yes")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{signing['kid']} is revoked. {announced['kid']} signs from now on.\n"
    successor, following = listed(url)
    assert (successor["kid"], successor["state"]) == (announced["kid"], "signing")
    assert following["state"] == "announced"
    events = rows(url, select(audit_events.c.event, audit_events.c.actor, audit_events.c.reason))
    told = {(row["event"], row["actor"].partition(":")[0], row["reason"]) for row in events}
    assert told >= {("key.revoked", "operator", signing["kid"]), ("key.made", "broker", following["kid"])}
    again = keys(url, "revoke", signing["kid"], "--yes")
    assert (again.exit_code, "There is no key" in again.stderr) == (1, True)


def test_revoke_of_an_announced_key_announces_another(url: str) -> None:
    signing, announced = listed(url)
    assert keys(url, "revoke", announced["kid"], "--yes").stdout == f"{announced['kid']} is revoked.\n"
    assert [key["state"] for key in listed(url)] == ["signing", "announced"]
    assert listed(url)[0]["kid"] == signing["kid"]
    assert listed(url)[1]["kid"] != announced["kid"]


def test_a_kid_that_begins_with_a_dash_is_no_option(url: str) -> None:
    kid = "-y" + "x" * 41

    async def rename() -> None:
        database = await connect(url)
        await execute(database, f"UPDATE signing_keys SET kid = '{kid}' WHERE number = 1 AND alg = 'ES256'")
        await database.close()

    asyncio.run(rename())
    refused = keys(url, "revoke", kid)
    assert (refused.exit_code, kid in refused.stderr, "add --yes" in refused.stderr) == (1, True, True)
