"""What TikTok asks for: copies of avatars, one refresh of a token pair at a time, each webhook delivery once.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "avatars",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_avatars_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_avatars")),
        sa.UniqueConstraint("user_id", name=op.f("uq_avatars_user_id")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("registration", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("open_id", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(op.f("ix_webhook_deliveries_expires_at"), "webhook_deliveries", ["expires_at"])
    op.add_column("users", sa.Column("avatar_id", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("refresh_lease", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("refresh_lease_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "refresh_lease_until")
    op.drop_column("accounts", "refresh_lease")
    op.drop_column("users", "avatar_id")
    op.drop_index(op.f("ix_webhook_deliveries_expires_at"), table_name="webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_table("avatars")
