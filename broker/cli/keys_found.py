"""What the commands that change keys have in common: the settings, and the keys there are."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from broker.keys.rotation import Rotation
    from broker.settings import Settings
    from broker.store.keys import KeyFacts

T = TypeVar("T")


def chosen() -> "Settings":
    """All settings, as `serve` reads them; of the log no more than what is wrong. Raises `BadSettings`."""
    from broker import log, settings

    found = settings.from_environment()
    log.configure(found.log_format, "warning")
    return found


def keeping(settings: "Settings", work: "Callable[[Rotation], Coroutine[Any, Any, T]]") -> T:
    """What `work` answers, with the keeper of the keys. Raises what `using` raises."""
    from broker import app_keys
    from broker.cli.database import using
    from broker.clock import system_clock

    return using(lambda database: work(app_keys.rotation(settings, database, system_clock)))


def ring_name(key: "KeyFacts") -> str:
    """What a key is for, as an operator calls it."""
    from broker.keys.schedule import REFRESH

    return "refresh tokens" if key.use == REFRESH else key.alg
