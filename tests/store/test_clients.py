"""Clients in their table: every change raises the version that the spending statements require."""

from broker.store import audit, client_changes, clients
from broker.store.database import Database
from tests.by_hand import execute
from tests.store.rows import APP, GRANT, NOW, add_client, record, redeem, row, sign_in

METADATA = {"client_name": "Die Äpp", "redirect_uris": ["https://app.example/cb"], "no_pkce": False}


async def test_a_client_comes_back_as_it_was_registered(database: Database) -> None:
    assert await database.transact(clients.add, APP, METADATA, b"digest", now=NOW)
    found = await database.read(clients.find, APP)
    assert found == clients.ClientRow(APP, METADATA, b"digest", None, None, 1, NOW, None)


async def test_a_taken_id_is_refused_and_its_client_left_alone(database: Database) -> None:
    await add_client(database)
    before = await database.read(clients.find, APP)
    assert not await database.transact(clients.add, APP, METADATA, b"digest", now=NOW + 1)
    assert await database.read(clients.find, APP) == before


async def test_nobody_is_found_under_an_unknown_id(database: Database) -> None:
    await add_client(database)
    assert await database.read(clients.find, APP.upper()) is None
    assert await database.read(clients.find, "") is None


async def test_clients_are_listed_oldest_first(database: Database) -> None:
    for second, client_id in enumerate(["c", "a", "b"]):
        await database.transact(clients.add, client_id, METADATA, None, now=NOW - second)
    assert [client.client_id for client in await database.read(clients.every)] == ["b", "a", "c"]


async def test_every_change_raises_the_version(database: Database) -> None:
    await add_client(database)
    assert await database.transact(clients.set_secret, APP, b"new", now=NOW + 1)
    assert await database.transact(clients.disable, APP, now=NOW + 2)
    disabled = await database.read(clients.find, APP)
    assert disabled is not None
    assert (disabled.secret_digest, disabled.disabled_at, disabled.version) == (b"new", NOW + 2, 3)
    assert await database.transact(clients.enable, APP, now=NOW + 3)
    enabled = await database.read(clients.find, APP)
    assert enabled is not None
    assert (enabled.disabled_at, enabled.version) == (None, 4)


async def test_what_changes_nothing_says_so_and_raises_nothing(database: Database) -> None:
    await add_client(database)
    assert not await database.transact(clients.enable, APP, now=NOW)
    await database.transact(clients.disable, APP, now=NOW)
    assert not await database.transact(clients.disable, APP, now=NOW + 1)
    kept = await row(database, "SELECT version, disabled_at FROM clients")
    assert kept == {"version": 2, "disabled_at": NOW}


async def test_nothing_can_be_done_to_a_client_that_is_not_there(database: Database) -> None:
    assert not await database.transact(clients.set_secret, APP, b"new", now=NOW)
    assert not await database.transact(clients.disable, APP, now=NOW)
    assert not await database.transact(clients.enable, APP, now=NOW)
    assert not await database.transact(clients.remove, APP, now=NOW)


async def test_a_removed_client_takes_its_grants_along_and_nobody_elses(database: Database) -> None:
    await add_client(database)
    await record(database)
    await add_client(database, "cli_other")
    assert await database.transact(clients.remove, "cli_other", now=NOW)
    assert await row(database, "SELECT count(*) AS grants FROM grants") == {"grants": 1}
    assert await database.transact(clients.remove, APP, now=NOW)
    assert await row(database, "SELECT count(*) AS grants FROM grants") == {"grants": 0}
    assert await database.read(clients.find, APP) is None


async def test_with_a_client_end_its_good_families_of_tokens_each_with_an_event(signed_in: Database) -> None:
    """One that had ended or expired before does not end again."""
    await redeem(signed_in)
    for number, change in enumerate(("ended_at = 1", f"code_expires_at = {NOW}", "nonce = NULL")):
        name = f"{number}" * 32
        session = f"ses_{number}0"
        await record(
            signed_in, sign_in(session=session, id=name, login_digest=name.encode(), code_digest=name.encode())
        )
        await execute(signed_in, f"UPDATE grants SET {change} WHERE id = '{name}'")
    assert await signed_in.transact(client_changes.remove, APP, now=NOW)
    events = [one for one in await signed_in.read(audit.newest, most=20) if one.event == "grant.ended"]
    assert {one.grant_id for one in events} == {GRANT, "2" * 32}
    assert {(one.actor, one.client_id, one.reason, one.at) for one in events} == {
        ("operator", APP, "client_removed", NOW)
    }
    assert {one.session_id for one in events} == {"ses_1", "ses_20"}
    assert len({one.id for one in events}) == 2
    assert all(one.user_id for one in events)
