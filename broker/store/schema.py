"""The tables, as SQLAlchemy metadata: what alembic migrates and every statement is written over.

Column types are plain, so that both databases hold the same: text, bytes, and integers; times are epoch
seconds, JSON is kept as text, a flag is 0 or 1. A secret appears only as its SHA-256 digest or sealed.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("union_id", Text, nullable=False),
    Column("display_name", Text),
    Column("username", Text),
    Column("avatar_url", Text),
    # The name under which the picture behind `avatar_url` is shown, given before it has been copied: the `id` of
    # the person's row in `avatars`, and behind it a version of its own for each picture.
    Column("avatar_id", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("blocked_at", BigInteger),
    UniqueConstraint("union_id"),
)

# Pictures of people, copied because TikTok's links expire.
avatars = Table(
    "avatars",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("version", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("image", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("user_id"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("registration", Text, nullable=False),
    Column("open_id", Text, nullable=False),
    Column("granted_scope", Text, nullable=False),
    Column("sealed_tokens", LargeBinary),
    Column("access_expires_at", BigInteger),
    Column("refresh_expires_at", BigInteger),
    # Who is refreshing the pair at TikTok just now, and until when that may take. One that has run out tells of a
    # process that died in between: TikTok's old pair is dead by then, and the new one was never stored.
    Column("refresh_lease", Text),
    Column("refresh_lease_until", BigInteger),
    Column("authorized_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("registration", "open_id"),
    Index(None, "user_id"),
)

# People of another system. Each has a `sub` from the start, and is joined by the first sign-in for which TikTok
# names the one id that the other system knew: `union_id`, or an `open_id` under a registration.
imported_people = Table(
    "imported_people",
    metadata,
    Column("sub", Text, primary_key=True),
    Column("union_id", Text),
    Column("registration", Text),
    Column("open_id", Text),
    Column("previous_id", Text),
    Column("blocked_at", BigInteger),
    Column("imported_at", BigInteger, nullable=False),
    # Who it turned out to be: under `sub`, unless the person was known here before.
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE")),
    Column("joined_at", BigInteger),
    UniqueConstraint("union_id"),
    UniqueConstraint("open_id", "registration"),
    UniqueConstraint("previous_id"),
    CheckConstraint("(union_id IS NULL) <> (open_id IS NULL)", name="known_by_one_id"),
    CheckConstraint("(open_id IS NULL) = (registration IS NULL)", name="open_id_has_a_registration"),
    Index(None, "user_id"),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("client_metadata", Text, nullable=False),
    Column("secret_digest", LargeBinary),
    # While a secret is being changed, the one before it is good until then.
    Column("previous_secret_digest", LargeBinary),
    Column("previous_secret_until", BigInteger),
    Column("version", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("cookie_digest", LargeBinary, nullable=False),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Text, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("auth_time", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("max_expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    UniqueConstraint("cookie_digest"),
    Index(None, "user_id"),
    Index(None, "account_id"),
)

_ENDED = "ended_at IS NOT NULL"
_LISTED = "status_index IS NOT NULL"
grants = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    # No foreign key: it would lock the one row of a busy app in every sign-in. The insert itself
    # requires the client to be there, and removing a client removes its grants.
    Column("client_id", Text, nullable=False),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Text, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="SET NULL")),
    Column("login_digest", LargeBinary, nullable=False),
    Column("code_digest", LargeBinary, nullable=False),
    Column("code_expires_at", BigInteger, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text),
    # RFC 7638 thumbprints of DPoP keys: what the code, and what the refresh tokens, are bound to.
    Column("code_jkt", Text),
    Column("refresh_jkt", Text),
    Column("nonce", Text),
    Column("scope", Text, nullable=False),
    Column("resources", Text, nullable=False),
    Column("offline", Integer, nullable=False),
    Column("auth_time", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("redeemed_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
    Column("rotated_at", BigInteger),
    Column("refresh_kid", Text),
    Column("refresh_expires_at", BigInteger),
    Column("access_expires_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ended_reason", Text),
    # Where the status lists tell of it; None when they were off, or unknown to the release that wrote the row.
    Column("status_index", BigInteger),
    UniqueConstraint("login_digest"),
    UniqueConstraint("code_digest"),
    CheckConstraint("generation >= 0", name="generation_not_negative"),
    CheckConstraint("offline IN (0, 1)", name="offline_is_a_flag"),
    Index(None, "user_id"),
    Index(None, "session_id"),
    Index(None, "account_id"),
    Index(None, "client_id"),
    # Nothing that a refresh writes is in an index: PostgreSQL then leaves all of them alone, given room (0009).
    Index(None, "ended_at", sqlite_where=text(_ENDED), postgresql_where=text(_ENDED)),
    Index(None, "status_index", unique=True, sqlite_where=text(_LISTED), postgresql_where=text(_LISTED)),
)

# Of grants that were deleted while an access token of theirs was good: what the status lists go on telling.
deleted_grants = Table(
    "deleted_grants",
    metadata,
    Column("status_index", BigInteger, primary_key=True, autoincrement=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "ended_at"),
    Index(None, "expires_at"),
)

# The next number that nobody has, by what is counted.
counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

pushed_requests = Table(
    "pushed_requests",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("spent_at", BigInteger),
    Index(None, "expires_at"),
)

# Names that may be used once: the `jti` of client assertions and of DPoP proofs.
spent_ids = Table(
    "spent_ids",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    # When it is to be tried next; whoever takes it moves this on, so that nobody else does.
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "due_at"),
)

# What TikTok told us by webhook: each delivery once. A row outlives the time in which TikTok may repeat it.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("registration", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("open_id", Text),
    Column("occurred_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("use", Text, nullable=False),
    Column("alg", Text, nullable=False),
    # The n-th key of its use and algorithm: unique, so that of several replicas one makes it.
    Column("number", BigInteger, nullable=False),
    Column("public_jwk", Text),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # From then on every verifier knows the key, so that it may sign.
    Column("ready_at", BigInteger, nullable=False, server_default="0"),
    # A time to come in a key that is announced; the next key's is when this one has stopped.
    Column("signs_from", BigInteger, nullable=False),
    # The longest that anything it signs is good for, in seconds: of all that it was ever used with.
    Column("token_life", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("use", "alg", "number"),
)

# Work that one replica at a time shall do, who does it, and until when nobody else may take it up.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("user_id", Text),
    Column("client_id", Text),
    Column("session_id", Text),
    Column("grant_id", Text),
    Column("registration", Text),
    Column("request_id", Text),
    Column("reason", Text),
    Index(None, "at"),
    Index(None, "user_id"),
)
