"""What a complete provider keeps: pushed requests, names used once, the outbox, DPoP bindings, a second secret.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "pushed_requests",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("spent_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pushed_requests")),
    )
    op.create_index(op.f("ix_pushed_requests_expires_at"), "pushed_requests", ["expires_at"])
    op.create_table(
        "spent_ids",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_ids")),
    )
    op.create_index(op.f("ix_spent_ids_expires_at"), "spent_ids", ["expires_at"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_due_at"), "outbox", ["due_at"])
    op.add_column("clients", sa.Column("previous_secret_digest", sa.LargeBinary(), nullable=True))
    op.add_column("clients", sa.Column("previous_secret_until", sa.BigInteger(), nullable=True))
    op.add_column("grants", sa.Column("code_jkt", sa.Text(), nullable=True))
    op.add_column("grants", sa.Column("refresh_jkt", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("grants", "refresh_jkt")
    op.drop_column("grants", "code_jkt")
    op.drop_column("clients", "previous_secret_until")
    op.drop_column("clients", "previous_secret_digest")
    op.drop_index(op.f("ix_outbox_due_at"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(op.f("ix_spent_ids_expires_at"), table_name="spent_ids")
    op.drop_table("spent_ids")
    op.drop_index(op.f("ix_pushed_requests_expires_at"), table_name="pushed_requests")
    op.drop_table("pushed_requests")
