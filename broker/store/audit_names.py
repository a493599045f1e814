"""Every kind of audit event, by its name, with a sentence on what it tells.

The `reason` of an event says more, in the words that stand here. `docs/operations/observe.md` is made from this.
"""

from collections.abc import Mapping
from typing import Final

SCHEMA_CHANGED: Final = "schema.changed"

EVENTS: Final[Mapping[str, str]] = {
    "sign_in": "Somebody signed in to an app; the reason is `session` when the broker's own session answered.",
    "sign_in.refused": (
        "Somebody whom TikTok vouched for was turned away: `blocked`, `somebody_else` than the app expects, "
        "`taken_back` (the consent, meanwhile), `login_spent` (or the app not welcome any more); or somebody who "
        "was signed in here, with the error that the app heard."
    ),
    "request.refused": (
        "An app that had proved itself with a secret or a key was refused; the reason is the address, the error "
        "and what was wrong."
    ),
    "session.ended": (
        "A browser's session ended: `sign_out`, `replaced` by another sign-in, `deauthorized` at TikTok, or by an "
        "operator `signed_out`, `blocked`, `disconnected`, `erased`."
    ),
    "grant.ended": (
        "A family of tokens ended while it was good: `code_reuse`, `refresh_token_reuse`, `client_removed`, or "
        "for the reason for which its session did."
    ),
    "grant.revoked": "An app threw its person's tokens away, and the family ended.",
    "token.revoked": "An app threw away a token in its own name.",
    "authorization.removed": "TikTok told that somebody took the consent back; the reason is TikTok's.",
    "tiktok_token.handed_out": "An app got the TikTok access token of one of its people.",
    "tiktok_tokens.lost": (
        "A pair of TikTok's tokens was deleted: `refused` by TikTok, `answer_lost`, `abandoned` by a process that "
        "died, or answered with those of `another_account`."
    ),
    "client.added": "An operator registered an app.",
    "client.updated": "An operator changed an app; the reason names what is different.",
    "client.secret_rotated": "An operator gave an app a new secret.",
    "client.disabled": "An operator turned an app away.",
    "client.enabled": "An operator let an app in again.",
    "client.removed": "An operator deleted an app.",
    "key.made": "The broker made a key before it is needed; the reason is its `kid`, as in all events of keys.",
    "key.hastened": "The broker let an announced key sign sooner, since keys shall live shorter now.",
    "key.deferred": "The broker let an announced key wait, since the key set may be cached for longer now.",
    "key.prolonged": "The broker keeps a key for longer, since what it signs lives longer now.",
    "key.forgotten": "The broker deleted a key that nothing refers to any more.",
    "key.rotated": "An operator let an announced key sign.",
    "key.revoked": "An operator took a key out, and with it what it signed.",
    "reseal.begun": "An operator had everything sealed anew under the first of the secret keys.",
    "user.signed_out": "An operator signed a person out everywhere.",
    "user.blocked": "An operator refused a person.",
    "user.unblocked": "An operator let a person sign in again.",
    "user.disconnected": "An operator took the apps out of a person's TikTok account.",
    "user.erased": "An operator deleted a person; the user is a digest of the `sub` that was.",
    "users.imported": "An operator took people over from another system; the reason says how many.",
    "user.joined": (
        "Somebody who had been imported signed in, and was new here (`imported`) or had a `sub` already and kept "
        "it (`known here before`)."
    ),
    "user.exported": "An operator took a copy of all that is kept of a person.",
    SCHEMA_CHANGED: "An operator took the database from one revision to another; the reason names both.",
    "purge.begun": "An operator had deleted what has expired; what the broker deletes by itself is no event.",
}
