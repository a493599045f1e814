"""Each step of a migration as an audit event, in the transaction that takes it."""

from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import insert

from broker.store import audit
from broker.store.audit_names import SCHEMA_CHANGED
from broker.store.schema import audit_events


def record(operator: str, now: int, *, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
    """Keep that an operator took this step; alembic calls it before it commits.

    Before the first step there is no table to keep it in, nor after the last one back.
    """
    if ctx.connection is None or not step.destination_revision_ids:
        return
    before, after = ("+".join(ids) or "base" for ids in (step.source_revision_ids, step.destination_revision_ids))
    ctx.connection.execute(
        insert(audit_events).values(
            id=audit.new_id(),
            at=now,
            event=SCHEMA_CHANGED,
            actor=f"operator:{operator}",
            reason=f"{before} to {after}",
        )
    )
