"""Room in the pages of tables whose rows change, so that a row that changes stays in its page.

Then PostgreSQL leaves every index alone (a "heap-only tuple"). In a full page the row would move, and each index
of its table get an entry: in a big table, so many more pages that nobody else needs then. Pages that are full
already stay so until what is in them goes; `VACUUM FULL` would write all of them anew.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
kind = "expand"

# How much of a page new rows fill, in percent. A grant changes a moment after its birth and then all its life.
_FILL = {"grants": 80, "users": 90, "accounts": 90, "sessions": 90}


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        for table, percent in _FILL.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        for table in _FILL:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
