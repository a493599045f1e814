"""What the life of a key follows from, of all the settings: for the service, and for commands about keys."""

from broker.claims import LOGOUT_SECONDS
from broker.clock import Clock
from broker.keys.rotation import Rotation
from broker.keys.schedule import Rules
from broker.oauth import registration
from broker.sealing import Sealer
from broker.settings import Settings
from broker.store.database import Database


def rotation(settings: Settings, database: Database, clock: Clock) -> Rotation:
    """What keeps the keys."""
    return Rotation(database, Sealer(settings.secret_keys), _algs(settings), rules(settings), clock)


def rules(settings: Settings) -> Rules:
    """The times of a key."""
    return Rules(
        max_age=settings.jwks_max_age,
        lifetime=settings.key_lifetime,
        token_life=max(settings.access_token_ttl, LOGOUT_SECONDS),
        refresh_life=settings.refresh_token_ttl,
        # An ID token tells which session is to end, however old it is.
        hint_life=settings.session_max_ttl,
    )


def _algs(settings: Settings) -> tuple[str, ...]:
    """The operator's choice, and every other that a client may ask its ID tokens to be signed with."""
    return tuple(dict.fromkeys((settings.signing_alg, *registration.ID_TOKEN_ALGS)))
