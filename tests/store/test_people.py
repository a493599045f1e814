"""`union_id` is the identity: whatever the order of sign-ins, the same people come out."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from broker.store import accounts, users
from broker.store.accounts import Authorization
from broker.store.database import Database, Transaction, connect
from broker.store.users import Profile, User
from tests.by_hand import execute
from tests.store.rows import NOW, authorization, profile, row


async def meet(tx: Transaction, person: Profile, account: Authorization, *, now: int) -> tuple[User, str | None]:
    """A user and the account through which they came."""
    user = await users.upsert(tx, person, now=now)
    return user, await accounts.upsert(tx, account, user_id=user.id, now=now)


async def test_a_changed_name_updates_the_row_and_keeps_the_sub(database: Database) -> None:
    first = await database.transact(users.upsert, profile(display_name="Ada"), now=NOW)
    again = await database.transact(users.upsert, profile(display_name="Augusta"), now=NOW + 1)
    assert first.id == again.id
    kept = await row(database, "SELECT * FROM users")
    assert (kept["display_name"], kept["created_at"], kept["updated_at"]) == ("Augusta", NOW, NOW + 1)


async def test_what_a_sign_in_does_not_tell_is_no_news(database: Database) -> None:
    full = profile(display_name="Ada", username="ada", avatar_url="https://p16.example/a.webp")
    await database.transact(users.upsert, full, now=NOW)
    await database.transact(users.upsert, profile(display_name=None), now=NOW + 1)
    kept = await row(database, "SELECT display_name, username, avatar_url FROM users")
    assert kept == {"display_name": "Ada", "username": "ada", "avatar_url": "https://p16.example/a.webp"}


async def test_nobody_is_known_by_a_name(database: Database) -> None:
    one = await database.transact(users.upsert, profile(union_id="u1", username="ada"), now=NOW)
    other = await database.transact(users.upsert, profile(union_id="u2", username="ada"), now=NOW)
    assert one.id != other.id


async def test_a_blocked_user_stays_blocked_through_a_sign_in(database: Database) -> None:
    await database.transact(users.upsert, profile(), now=NOW)
    await execute(database, f"UPDATE users SET blocked_at = {NOW}")
    assert (await database.transact(users.upsert, profile(), now=NOW + 1)).blocked


async def test_a_name_comes_back_as_it_was(database: Database) -> None:
    for name in ("", "名前 😀", "\u202eright to left", "'; DROP TABLE users; --", "x" * 10_000):
        await database.transact(users.upsert, profile(display_name=name), now=NOW)
        assert (await row(database, "SELECT display_name FROM users"))["display_name"] == name


async def test_an_account_keeps_its_id_and_takes_the_new_tokens(database: Database) -> None:
    _, first = await database.transact(meet, profile(), authorization(), now=NOW)
    newer = authorization(sealed_tokens=b"newer", granted_scope="user.info.basic,user.info.profile")
    _, again = await database.transact(meet, profile(), newer, now=NOW + 1)
    assert first == again
    kept = await row(database, "SELECT * FROM accounts")
    assert (bytes(kept["sealed_tokens"]), kept["granted_scope"]) == (b"newer", newer.granted_scope)
    assert (kept["created_at"], kept["authorized_at"]) == (NOW, NOW + 1)


async def test_an_account_moves_to_the_user_of_its_union_id(database: Database) -> None:
    await database.transact(meet, profile(union_id="u1"), authorization(), now=NOW)
    other, account = await database.transact(meet, profile(union_id="u2"), authorization(), now=NOW)
    assert await row(database, "SELECT id, user_id FROM accounts") == {"id": account, "user_id": other.id}


async def test_one_open_id_under_two_registrations_is_two_accounts(database: Database) -> None:
    _, one = await database.transact(meet, profile(), authorization(registration="default"), now=NOW)
    _, other = await database.transact(meet, profile(), authorization(registration="second"), now=NOW)
    assert one != other


VISITS = st.lists(
    st.tuples(st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["default", "second"])), min_size=1, max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(visits=VISITS, data=st.data())
def test_the_order_of_sign_ins_changes_nothing_about_who_is_who(
    sqlite_template: Path, tmp_path: Path, visits: list[tuple[str, str]], data: st.DataObject
) -> None:
    """One user per `union_id` and one account per user and registration, in whatever order they come."""

    async def people(order: list[tuple[str, str]], file: str) -> set[tuple[str, str]]:
        database = await connect(f"sqlite:///{shutil.copy(sqlite_template, file)}")
        try:
            subs: dict[str, str] = {}
            for union_id, registration in order:
                account = authorization(registration=registration, open_id=f"{union_id} at {registration}")
                user, _ = await database.transact(meet, profile(union_id=union_id), account, now=NOW)
                assert subs.setdefault(union_id, user.id) == user.id
            assert len(set(subs.values())) == len(subs)
            kept = await row(database, "SELECT count(*) AS users FROM users")
            assert kept["users"] == len(subs)
            return await database.read(_who_has_what)
        finally:
            await database.close()

    shuffled = data.draw(st.permutations(visits))
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        one = asyncio.run(people(visits, f"{folder}/one.db"))
        assert one == asyncio.run(people(shuffled, f"{folder}/other.db"))


async def _who_has_what(tx: Transaction) -> set[tuple[str, str]]:
    held = text("SELECT u.union_id AS person, a.open_id AS held FROM users u JOIN accounts a ON a.user_id = u.id")
    return {(found["person"], found["held"]) for found in await tx.all(held)}
