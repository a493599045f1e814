"""What a registration must be before a command keeps it: the rules of the protocol and of this installation."""

from typing import Any

from broker.oauth import registration
from broker.oauth.client_metadata import BadMetadata

# What the broker itself will call.
_CALLED = ("jwks_uri", "backchannel_logout_uri")


def check(metadata: dict[str, Any]) -> None:
    """Raise `BadMetadata` with every fault there is, and `BadSettings` when the settings cannot tell."""
    faults: tuple[str, ...] = ()
    try:
        registration.check(metadata)
    except BadMetadata as bad:
        faults = bad.faults
    else:
        faults = tuple(_useless_keys(metadata))
    unreachable = tuple(_unreachable(metadata))
    if faults or unreachable:
        raise BadMetadata(faults + unreachable)


def uses_secret(metadata: dict[str, Any]) -> bool:
    """Whether an app of this registration proves itself with a secret."""
    method: str = metadata.get("token_endpoint_auth_method") or "client_secret_basic"
    return method.startswith("client_secret_")


def _useless_keys(metadata: dict[str, Any]) -> list[str]:
    """A key that nobody here understands does no harm beside others; alone it lets its app never in."""
    keys = metadata.get("jwks", {}).get("keys")
    if not keys:
        return []
    # Here and not above: it brings the libraries that do the arithmetic.
    from broker.client_auth import public_key

    if public_key.usable(keys):
        return []
    return ["jwks must have a key to verify signatures with: EC P-256, Ed25519, or RSA of 2048 to 4096 bits."]


def _unreachable(metadata: dict[str, Any]) -> list[str]:
    addresses = [metadata[name] for name in _CALLED if isinstance(metadata.get(name), str)]
    if not addresses:
        return []
    # Here and not above: it brings the libraries that make HTTP calls.
    from broker import settings
    from broker.outbound import Reach

    reach = Reach(**settings.callbacks())
    return [fault for address in addresses if (fault := reach.refuses(address))]
