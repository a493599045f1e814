"""Status lists: a place for each grant, and what is left of grants that are deleted while a token of theirs lives.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    # The release before writes grants without it; they get a place when they are refreshed.
    op.add_column("grants", sa.Column("status_index", sa.BigInteger(), nullable=True))
    op.create_table(
        "deleted_grants",
        sa.Column("status_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("status_index", name=op.f("pk_deleted_grants")),
    )
    op.create_index(op.f("ix_deleted_grants_ended_at"), "deleted_grants", ["ended_at"])
    op.create_index(op.f("ix_deleted_grants_expires_at"), "deleted_grants", ["expires_at"])
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )


def downgrade() -> None:
    op.drop_table("counters")
    op.drop_index(op.f("ix_deleted_grants_expires_at"), table_name="deleted_grants")
    op.drop_index(op.f("ix_deleted_grants_ended_at"), table_name="deleted_grants")
    op.drop_table("deleted_grants")
    op.drop_column("grants", "status_index")
