"""The options of `clients add` and `clients update` that say what an app is registered for, in RFC 7591 names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from broker.oauth.registration import AUTH_METHODS, GRANT_TYPES, ID_TOKEN_ALGS

Decorated = TypeVar("Decorated", bound=Callable[..., object])

_NONE = "none"
_MOST_FILE_BYTES = 64 * 1024
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)

_OPTIONS = (
    click.option(
        "--redirect-uri", "redirect_uris", metavar="URI", multiple=True, help="Where answers may go; exact."
    ),
    click.option("--public", is_flag=True, help="An app that can keep no secret: in a browser or on a device."),
    click.option(
        "--auth-method",
        "token_endpoint_auth_method",
        type=click.Choice(AUTH_METHODS),
        help="How it proves itself at the token endpoint; by itself client_secret_basic.",
    ),
    click.option("--jwks", metavar="FILE", type=_FILE, help="Its public keys, as JSON, for private_key_jwt."),
    click.option("--jwks-uri", metavar="URI", help="Where it publishes its public keys instead."),
    click.option(
        "--scope",
        multiple=True,
        help='What it may ask for: repeated, or a list in quotes; by itself "openid profile offline_access".',
    ),
    click.option("--audience", metavar="URI", multiple=True, help="A backend that its access tokens are for."),
    click.option(
        "--grant-type",
        "grant_types",
        type=click.Choice(GRANT_TYPES),
        multiple=True,
        help="By itself those for sign-in.",
    ),
    click.option(
        "--post-logout-redirect-uri",
        "post_logout_redirect_uris",
        metavar="URI",
        multiple=True,
        help="Where people may be sent after they signed out; exact.",
    ),
    click.option(
        "--backchannel-logout-uri", metavar="URI", help="Where the app is told that somebody has signed out."
    ),
    click.option("--initiate-login-uri", metavar="URI", help="Where a sign-in to the app can be begun by others."),
    click.option(
        "--id-token-alg",
        "id_token_signed_response_alg",
        type=click.Choice(ID_TOKEN_ALGS),
        help="How its ID tokens are signed; by itself as BROKER_SIGNING_ALG says.",
    ),
    click.option(
        "--require-par",
        "require_pushed_authorization_requests",
        is_flag=True,
        help="Take authorization requests only when they were pushed to /par.",
    ),
    click.option(
        "--dpop-bound",
        "dpop_bound_access_tokens",
        is_flag=True,
        help="Issue only tokens that are bound to a key of the app (DPoP).",
    ),
    click.option("--no-pkce", is_flag=True, help="Do not demand PKCE; for a client with a secret only."),
    click.option(
        "--registration", metavar="NAME", help="TikTok app to sign people in through; by itself `default`."
    ),
    click.option(
        "--required-tiktok-scope",
        "required_tiktok_scopes",
        metavar="NAME",
        multiple=True,
        help="A TikTok scope that people must not untick, such as user.info.profile.",
    ),
    click.option("--tiktok-tokens", is_flag=True, help="Let it fetch TikTok access tokens of its people."),
    click.option("--client-uri", metavar="URI", help="Its home page, to which error pages lead back."),
    click.option(
        "--metadata",
        "file",
        metavar="FILE",
        type=_FILE,
        help="JSON of RFC 7591 metadata, - for standard input; options come before what it says.",
    ),
)


def metadata_options(command: Decorated) -> Decorated:
    """All of them; the command's function takes them as keywords and hands them to `read`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read(options: dict[str, Any]) -> dict[str, Any]:
    """What the options and the file among them say, and nothing that they do not say.

    Raises `click.UsageError` and `click.ClickException`.
    """
    given = dict(options)
    if given.pop("public"):
        if given["token_endpoint_auth_method"] not in (None, _NONE):
            raise click.UsageError("--public means --auth-method none; leave one of them out.")
        given["token_endpoint_auth_method"] = _NONE
    file, keys = given.pop("file"), given.pop("jwks")
    given["scope"] = " ".join(given["scope"])
    if keys is not None:
        given["jwks"] = _key_set(_json_in(keys, "one JWK Set"))
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value}
    metadata = {} if file is None else _json_in(file, "one JSON object of RFC 7591 metadata")
    metadata |= said
    if isinstance(metadata.get("scope"), str):
        metadata["scope"] = " ".join(metadata["scope"].split())
    return metadata


def _key_set(keys: dict[str, Any]) -> dict[str, Any]:
    """Tools that make a single key print it bare (RFC 7517 §4)."""
    return {"keys": [keys]} if "kty" in keys else keys


def _json_in(file: Path, what: str) -> dict[str, Any]:
    import orjson

    try:
        with click.open_file(str(file), "rb") as stream:
            content = stream.read(_MOST_FILE_BYTES + 1)
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be read ({error.strerror}); correct the path or the rights."
        ) from error
    if len(content) > _MOST_FILE_BYTES:
        raise click.ClickException(
            f"{file} is larger than 64 KiB, which no client's metadata is; correct the path."
        )
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"{file} is not JSON ({error}); mend it.") from error
    if not isinstance(found, dict):
        raise click.ClickException(f"{file} must hold {what}.")
    return found
