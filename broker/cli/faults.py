"""What went wrong, as a sentence for the operator who has to mend it."""

from broker.login.pages.folder import BadPages
from broker.oauth.client_metadata import BadMetadata
from broker.sealing import Unsealable
from broker.settings import BadSettings
from broker.store.database import DatabaseUnavailable, SchemaMismatch, Unreadable


def explained(error: Exception) -> str | None:
    """What happened and what to do; None for what nobody foresaw, which deserves its traceback.

    `BadSettings`, `BadMetadata` and `BadPages` become a line for each fault.
    """
    match error:
        case BadSettings():
            return _listed("The settings cannot be used", error.faults)
        case BadMetadata():
            return _listed("The client cannot be registered like this", error.faults)
        case BadPages():
            return _listed("The pages in BROKER_TEMPLATES cannot be used", error.faults)
        case Unreadable():
            return (
                f"The database is damaged, or is none ({_first_line(str(error))}); stop the broker and restore "
                "the newest backup as docs/operations/backup.md says, or correct BROKER_DATABASE_URL."
            )
        case DatabaseUnavailable():
            return (
                f"The database cannot be used ({_first_line(str(error))}); check BROKER_DATABASE_URL, and that "
                "the server runs and lets this user in, or that the file's folder exists and may be written to."
            )
        case SchemaMismatch():
            return "The database lacks a table or column that this release needs; run `broker db upgrade`."
        case Unsealable():
            return (
                "What is sealed in the database does not open with BROKER_SECRET_KEYS; "
                "add the secret key under which it was sealed to the list."
            )
        case _:
            return None


def _listed(what: str, faults: tuple[str, ...]) -> str:
    return "\n  ".join([f"{what}:", *faults])


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else "no reason given"
