"""The Flask app: `gunicorn benchmarks.peers.authlib.server:app`."""

import json
import secrets
import time
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.integrations.sqla_oauth2 import create_query_client_func, create_revocation_endpoint
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Flask, Response, abort, jsonify, redirect, request, session
from sqlalchemy.dialects.postgresql import insert

from benchmarks.peers.authlib import plan
from benchmarks.peers.authlib.database import db, prepare
from benchmarks.peers.authlib.grants import S256, Codes, Refreshes, save_token
from benchmarks.peers.authlib.models import Client, Token, User
from benchmarks.peers.authlib.tiktok import TikTok
from benchmarks.peers.authlib.tokens import (
    ALGORITHM,
    KEYS,
    IdTokenAtRefresh,
    IdTokenForCode,
    Introspection,
    Validator,
    access_tokens,
    told,
)

app = Flask("peer")
app.secret_key = secrets.token_bytes(32)
_tiktok = TikTok(
    plan.TIKTOK["base"], plan.TIKTOK["clientKey"], plan.TIKTOK["clientSecret"], plan.ISSUER + plan.CALLBACK
)


class _Issuer(IssuerParameter):
    """RFC 9207."""

    def get_issuer(self) -> str:
        return plan.ISSUER


_server = AuthorizationServer(app, create_query_client_func(db, Client), save_token)
_server.register_token_generator("default", access_tokens())
_server.register_grant(Codes, [IdTokenForCode(), S256(required=True)])
_server.register_grant(Refreshes, [IdTokenAtRefresh()])
_server.register_endpoint(Introspection(plan.ISSUER))
_server.register_endpoint(create_revocation_endpoint(db, Token))
_Issuer()(_server)

_require = ResourceProtector()
_require.register_token_validator(Validator(issuer=plan.ISSUER, resource_server=plan.ISSUER))

_KEY_SET = json.dumps(KEYS.as_dict(private=False))
_DISCOVERY = json.dumps(
    {
        "issuer": plan.ISSUER,
        "authorization_endpoint": f"{plan.ISSUER}/authorize",
        "token_endpoint": f"{plan.ISSUER}/token",
        "userinfo_endpoint": f"{plan.ISSUER}/userinfo",
        "introspection_endpoint": f"{plan.ISSUER}/introspect",
        "revocation_endpoint": f"{plan.ISSUER}/revoke",
        "jwks_uri": f"{plan.ISSUER}/jwks.json",
        "scopes_supported": ["openid", "profile", "offline_access"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
)


@app.get("/authorize")
def authorize() -> Any:
    """With a session, straight back to the app; without, to TikTok first."""
    user = db.get(User, session["user"]) if "user" in session else None
    try:
        grant = _server.get_consent_grant(end_user=user)
    except OAuth2Error as refused:
        return _server.handle_error_response(request, refused)
    if user is not None:
        return _server.create_authorization_response(grant=grant, grant_user=user)
    session["state"], session["next"] = secrets.token_urlsafe(32), request.full_path
    return redirect(_tiktok.authorize_url(session["state"]))


@app.get(plan.CALLBACK)
def callback() -> Any:
    """Back from TikTok: the person is remembered and signed in here, and the app's request goes on."""
    if not secrets.compare_digest(request.args.get("state", ""), session.pop("state", "")):
        abort(400)
    user = _tiktok.who_is(request.args["code"])
    known = {"open_id": user["open_id"], "name": user["display_name"], "picture": user["avatar_url"]}
    now = int(time.time())
    row = insert(User).values(
        id=f"usr_{secrets.token_urlsafe(16)}", union_id=user["union_id"], last_sign_in=now, **known
    )
    upsert = row.on_conflict_do_update(index_elements=[User.union_id], set_={"last_sign_in": now, **known})
    session["user"] = db.scalar(upsert.returning(User.id))
    db.commit()
    return redirect(session.pop("next"))


@app.post("/token")
def token() -> Any:
    """RFC 6749 §3.2."""
    return _server.create_token_response()


@app.post("/introspect")
def introspect() -> Any:
    """RFC 7662."""
    return _server.create_endpoint_response(Introspection.ENDPOINT_NAME)


@app.post("/revoke")
def revoke() -> Any:
    """RFC 7009."""
    return _server.create_endpoint_response("revocation")


@app.get("/userinfo")
@_require("openid")
def userinfo() -> Any:
    """OpenID Connect Core §5.3."""
    user = db.get(User, current_token["sub"])
    return jsonify(told(user, current_token["scope"])) if user else abort(401)


@app.get("/jwks.json")
def jwks() -> Response:
    """RFC 7517."""
    return Response(_KEY_SET, mimetype="application/json")


@app.get("/.well-known/openid-configuration")
def discovery() -> Response:
    """OpenID Connect Discovery 1.0."""
    return Response(_DISCOVERY, mimetype="application/json")


@app.teardown_appcontext
def _give_back(_: BaseException | None) -> None:
    db.remove()


prepare()
