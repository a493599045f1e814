"""The settings as they may be printed."""

from typing import TYPE_CHECKING

from broker.configuration import addresses, values
from broker.configuration.table import VARIABLES
from broker.configuration.variable import Variable
from broker.opaque import Secret

if TYPE_CHECKING:
    from broker.settings import Settings

_OF_REGISTRATION = ("client_key", "client_secret", "previous_client_secret", "scopes", "pkce")


def effective(settings: "Settings") -> list[tuple[str, str]]:
    """Every variable with its value as it may be printed, secrets masked."""
    return [(variable.name, _shown(settings, variable)) for variable in VARIABLES]


def _shown(settings: "Settings", variable: Variable) -> str:
    default, *further = settings.registrations
    field = variable.field
    if field == "database_url":
        return addresses.masked_database_url(settings.database_url.reveal())
    if field == "database_pool":
        return str(settings.database_pool)
    if field == "registrations":
        return ",".join(registration.name for registration in further) or "none"
    value = getattr(default if field in _OF_REGISTRATION else settings, field)
    match value:
        case Secret():
            return "***"
        case bool():
            return "on" if value else "off"
        case int():
            return values.duration_text(value)
        case tuple():
            return ",".join(map(str, value)) or "none"
        case _:
            return variable.default or "none" if value is None else str(value)
