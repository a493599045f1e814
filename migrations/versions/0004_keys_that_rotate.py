"""Keys that rotate themselves: from when on each may sign, and how long what it signs is good.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    # The release before inserts keys without them; what is missing is filled in at the first look.
    op.add_column("signing_keys", sa.Column("ready_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("signing_keys", sa.Column("token_life", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("signing_keys", "token_life")
    op.drop_column("signing_keys", "ready_at")
