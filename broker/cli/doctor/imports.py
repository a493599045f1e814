"""People of another system who wait for their next sign-in: whether it can ever come."""

from collections.abc import AsyncIterator

from broker.cli.doctor.findings import Finding, warning
from broker.settings import Settings
from broker.store import waiting
from broker.store.database import Database


async def findings(database: Database, settings: Settings) -> AsyncIterator[Finding]:
    """Raises `DatabaseUnavailable` and `SchemaMismatch`."""
    configured = {registration.name for registration in settings.registrations}
    for name, people in (await database.read(waiting.by_registration)).items():
        if name not in configured:
            yield warning(
                f"imported people of {name}",
                f"{people} wait for a sign-in through the registration {name}, which is not configured",
                "Add that registration to BROKER_TIKTOK_REGISTRATIONS; if it was a slip, erase them and import "
                "them again with the right --registration.",
            )
