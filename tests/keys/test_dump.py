"""A copy of the database without the secret key yields no private key and no TikTok token."""

from base64 import b64encode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from broker.keys.making import SigningKey
from broker.sealing import Sealer
from broker.store.database import Transaction
from broker.store.revocations import TIKTOK_REVOCATION, Revocation
from broker.store.revocations import ask as ask_for_revocation
from broker.store.schema import accounts, metadata
from broker.vault import Vault
from tests.keys.made import ring_in
from tests.stage import Stage


def secrets_of(key: SigningKey) -> list[bytes]:
    """The private half, in every form in which it could be kept."""
    private = key.private
    forms = [
        private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).splitlines()[1],
    ]
    if isinstance(private, ec.EllipticCurvePrivateKey):
        forms.append(private.private_numbers().private_value.to_bytes(32, "big"))
    elif isinstance(private, ed25519.Ed25519PrivateKey):
        forms.append(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    elif isinstance(private, rsa.RSAPrivateKey):
        numbers = private.private_numbers()
        forms += [number.to_bytes(128, "big") for number in (numbers.p, numbers.q)]
        forms.append(numbers.d.to_bytes(256, "big"))
    return forms


async def dump(tx: Transaction) -> bytes:
    """Every value of every row of every table."""
    found = []
    for table in metadata.tables.values():
        for row in await tx.all(select(table)):
            for column in table.columns:
                value = row[column.name]
                found.append(bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode())
    return b"\n".join(found)


async def one_account(tx: Transaction) -> dict[str, Any]:
    row = await tx.one(select(accounts))
    assert row is not None
    return {column.name: row[column.name] for column in accounts.columns}


async def test_neither_keys_nor_tokens_are_in_a_dump(stage: Stage) -> None:
    tokens = await stage.sign_in()
    account = await stage.database.read(one_account)
    asked = Revocation(
        "rev_1",
        account["registration"],
        account["open_id"],
        bytes(account["sealed_tokens"]),
        account["access_expires_at"],
        account["refresh_expires_at"],
    )
    await stage.database.transact(ask_for_revocation, asked, now=stage.clock() + 3_600)
    sealer = Sealer(stage.settings.secret_keys)
    vault = Vault(stage.database, sealer, {}, stage.clock)
    pair = vault.open(asked.sealed_tokens, asked.registration, asked.open_id)
    ring = await ring_in(stage.database, sealer, now=stage.clock())
    assert {key.alg for key in ring.signing} == {"ES256", "RS256", "PS256", "EdDSA"}
    secrets = [secret for key in ring.signing for secret in secrets_of(key)]
    secrets += [key.secret for key in ring.refresh]
    secrets += [token.reveal().encode() for token in pair]
    secrets += [tokens[name].encode() for name in ("refresh_token", "access_token", "id_token")]
    whole = await stage.database.read(dump)
    assert TIKTOK_REVOCATION.encode() in whole
    # The search finds what is there.
    assert account["open_id"].encode() in whole
    for secret in secrets:
        for form in (secret, secret.hex().encode(), b64encode(secret), urlsafe_b64encode(secret)):
            assert form.rstrip(b"=") not in whole
