"""SQLAlchemy's session, one per thread, given back when a request has been answered."""

from sqlalchemy import create_engine, select
from sqlalchemy.orm import scoped_session, sessionmaker

from benchmarks.peers.authlib import plan
from benchmarks.peers.authlib.models import Base, Client

_ENGINE = create_engine(
    plan.DATABASE.replace("postgresql://", "postgresql+psycopg://"), pool_size=plan.CONNECTIONS
)

# What a commit wrote is what it wrote: nothing is read again after it.
db = scoped_session(sessionmaker(_ENGINE, expire_on_commit=False))


_METADATA = {
    "redirect_uris": [plan.REDIRECT_URI],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "scope": "openid profile offline_access",
    "token_endpoint_auth_method": "client_secret_basic",
    "id_token_signed_response_alg": "ES256",
}


def prepare() -> None:
    """Make the tables and register the apps that are not there yet."""
    Base.metadata.create_all(_ENGINE)
    for client in (plan.APP, plan.BACKEND):
        if db.scalars(select(Client).filter_by(client_id=client["id"])).first() is None:
            registered = Client(client_id=client["id"], client_secret=client["secret"])
            registered.set_client_metadata(_METADATA)
            db.add(registered)
    db.commit()
    db.remove()
