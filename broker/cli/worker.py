"""One of several processes of `broker serve --workers`: reads the settings anew from the environment."""

from uvicorn.config import STARTUP_FAILURE

from broker import log
from broker.app_service import Service
from broker.settings import BadSettings, from_environment


def app() -> Service:
    """The application for uvicorn's factory. Settings that went bad since the start end the supervisor too."""
    try:
        settings = from_environment()
    except BadSettings as bad:
        log.get("serve").critical("bad_settings", faults=list(bad.faults))
        raise SystemExit(STARTUP_FAILURE) from bad
    log.configure(settings.log_format, settings.log_level)
    return Service(settings)
