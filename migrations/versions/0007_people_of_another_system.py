"""People of another system, who are joined by their next sign-in.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "imported_people",
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("union_id", sa.Text(), nullable=True),
        sa.Column("registration", sa.Text(), nullable=True),
        sa.Column("open_id", sa.Text(), nullable=True),
        sa.Column("previous_id", sa.Text(), nullable=True),
        sa.Column("blocked_at", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("joined_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(union_id IS NULL) <> (open_id IS NULL)", name=op.f("ck_imported_people_known_by_one_id")
        ),
        sa.CheckConstraint(
            "(open_id IS NULL) = (registration IS NULL)",
            name=op.f("ck_imported_people_open_id_has_a_registration"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_imported_people_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sub", name=op.f("pk_imported_people")),
        sa.UniqueConstraint("union_id", name=op.f("uq_imported_people_union_id")),
        sa.UniqueConstraint("open_id", "registration", name=op.f("uq_imported_people_open_id_registration")),
        sa.UniqueConstraint("previous_id", name=op.f("uq_imported_people_previous_id")),
    )
    op.create_index(op.f("ix_imported_people_user_id"), "imported_people", ["user_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_imported_people_user_id"), table_name="imported_people")
    op.drop_table("imported_people")
