"""What `broker clients apply` reads: `[[clients]]` of a TOML file, in RFC 7591 names or those of the options."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from broker.cli import clients_checks
from broker.oauth import client_metadata, registration
from broker.oauth.client_metadata import BadMetadata
from broker.opaque import Secret

# The options of `clients add` whose names are not those of RFC 7591.
OPTIONS: Final[Mapping[str, str]] = {
    "name": "client_name",
    "redirect_uri": "redirect_uris",
    "auth_method": "token_endpoint_auth_method",
    "grant_type": "grant_types",
    "post_logout_redirect_uri": "post_logout_redirect_uris",
    "id_token_alg": "id_token_signed_response_alg",
    "require_par": "require_pushed_authorization_requests",
    "dpop_bound": "dpop_bound_access_tokens",
    "required_tiktok_scope": "required_tiktok_scopes",
}
_OF_ITS_OWN: Final = ("client_id", "client_secret_file", "disabled", "public")
MOST_BYTES: Final = 1024 * 1024
"""Of such a file, and of each that it names."""
_PLACE: Final = re.compile(r"at (line [0-9]+|end of document)")
# The broker keeps a plain digest, which only a random secret bears: 128 bits in hexadecimal.
_SECRET: Final = re.compile(r"[\x21-\x7e]{32,255}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An app as the file wants it. None: no secret of the file's; enabled or disabled as it is."""

    client_id: str
    metadata: dict[str, Any]
    secret: Secret | None = field(repr=False)
    disabled: bool | None


class BadFile(Exception):
    """The file cannot be applied. `faults`: a sentence for each thing that is wrong."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


def read(content: bytes, folder: Path) -> list[Wanted]:
    """The apps that the file wants; other files that it names lie in `folder`.

    Raises `BadFile` with every fault there is, and `BadSettings`.
    """
    found: list[Wanted] = []
    faults: list[str] = []
    for number, table in enumerate(_tables(content), start=1):
        client_id = table.get("client_id")
        who = client_id if isinstance(client_id, str) and client_id.isprintable() else f"client {number}"
        try:
            found.append(_wanted(table, folder))
        except BadFile as bad:
            faults += [f"{who[:64]}: {fault}" for fault in bad.faults]
        except BadMetadata as bad:
            faults += [f"{who[:64]}: {fault}" for fault in bad.faults]
    ids = [each.client_id for each in found]
    faults += [f"{each}: it stands there twice." for each in sorted({each for each in ids if ids.count(each) > 1})]
    if faults:
        raise BadFile(tuple(faults))
    return found


def _tables(content: bytes) -> list[dict[str, Any]]:
    if len(content) > MOST_BYTES:
        raise BadFile(("It is larger than 1 MiB, which cannot be meant; correct the path.",))
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        # What the parser says may quote what it read; only the place is passed on.
        place = _PLACE.search(str(error))
        raise BadFile((f"It is not valid TOML{f' {place[0]}' if place else ''}; mend it.",)) from None
    tables = document.pop("clients", None)
    if document or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadFile(("It must hold [[clients]] tables and nothing else.",))
    if not tables:
        # Whoever generates it may have generated nothing, and --prune would remove every app.
        raise BadFile(("It holds no [[clients]] table.",))
    return tables


def _wanted(table: dict[str, Any], folder: Path) -> Wanted:
    client_id = table.get("client_id")
    if not isinstance(client_id, str):
        raise BadFile(("client_id is missing, by which the app is known the next time; add it.",))
    faults = [f"client_id {fault}"] if (fault := registration.fault_in_client_id(client_id)) else []
    if "client_secret" in table:
        faults.append("client_secret must not stand here; put it into a file and name that as client_secret_file.")
    disabled, public = table.get("disabled"), table.get("public", False)
    if not isinstance(disabled, bool | None) or not isinstance(public, bool):
        faults.append("disabled and public must be true or false.")
    metadata, wrong = _metadata(table, folder)
    faults += wrong
    if faults:
        raise BadFile(tuple(faults))
    clients_checks.check(metadata)
    secret = _secret(table, metadata, folder)
    return Wanted(client_id, client_metadata.complete(metadata), secret, disabled)


def _metadata(table: dict[str, Any], folder: Path) -> tuple[dict[str, Any], list[str]]:
    metadata: dict[str, Any] = {}
    faults = []
    given = {key: value for key, value in table.items() if key not in (*_OF_ITS_OWN, "client_secret")}
    if table.get("public") is True:
        given["auth_method" if "auth_method" in given else "token_endpoint_auth_method"] = "none"
        if {table.get("auth_method"), table.get("token_endpoint_auth_method")} - {None, "none"}:
            faults.append("public means the auth method none; leave one of them out.")
    for key, value in given.items():
        name = OPTIONS.get(key, key)
        if name in metadata:
            faults.append(f"{name} is given twice, under two names; leave one out.")
        metadata[name] = _shaped(name, value)
    if isinstance(metadata.get("jwks"), str):
        try:
            metadata["jwks"] = _key_set(folder / metadata["jwks"])
        except BadFile as bad:
            faults += bad.faults
    return metadata, faults


def _shaped(name: str, value: Any) -> Any:
    """A single value where a list is meant, and scopes as a list: both as the options take them."""
    usual = client_metadata.with_defaults({}).get(name)
    if isinstance(usual, list) and isinstance(value, str):
        return [value]
    if name == "scope" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = " ".join(value)
    return " ".join(value.split()) if name == "scope" and isinstance(value, str) else value


def _key_set(file: Path) -> dict[str, Any]:
    import orjson

    try:
        keys = orjson.loads(_text_in(file, "jwks"))
    except orjson.JSONDecodeError:
        keys = None
    if not isinstance(keys, dict):
        raise BadFile((f"jwks names {file}, which is no JWK Set; mend it.",))
    return {"keys": [keys]} if "kty" in keys else keys


def _secret(table: dict[str, Any], metadata: dict[str, Any], folder: Path) -> Secret | None:
    path = table.get("client_secret_file")
    if path is None:
        return None
    if not isinstance(path, str):
        raise BadFile(("client_secret_file must be a path in quotes.",))
    if not clients_checks.uses_secret(metadata):
        raise BadFile(("client_secret_file is of no use to an app that proves itself without a secret.",))
    text = _text_in(folder / path, "client_secret_file").rstrip("\r\n")
    if _SECRET.fullmatch(text) is None:
        raise BadFile(
            ("client_secret_file must hold 32 to 255 random characters of visible ASCII, and nothing else.",)
        )
    return Secret(text)


def _text_in(file: Path, what: str) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise BadFile((f"{what} names {file}, which is larger than 1 MiB; correct the path.",))
        return content.decode("utf-8-sig")
    except OSError as error:
        raise BadFile(
            (f"{what} names {file}, which cannot be read ({error.strerror}); correct the path or the rights.",)
        ) from None
    except UnicodeDecodeError:
        raise BadFile((f"{what} names {file}, which is no text in UTF-8.",)) from None
