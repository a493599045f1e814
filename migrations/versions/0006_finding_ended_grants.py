"""Finding ended grants, and the grant at a place of a status list.

Revision ID: 0006
Revises: 0005
"""

from broker.store.migrating import online

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    online.create_index("ix_grants_ended_at", "grants", ["ended_at"], where="ended_at IS NOT NULL")
    online.create_index(
        "ix_grants_status_index", "grants", ["status_index"], unique=True, where="status_index IS NOT NULL"
    )


def downgrade() -> None:
    online.drop_index("ix_grants_status_index", "grants")
    online.drop_index("ix_grants_ended_at", "grants")
