"""`broker secret`."""

import click


@click.command("secret")
def secret() -> None:
    """Print a fresh secret key, and nothing else.

    \b
      export BROKER_SECRET_KEYS="$(broker secret)"

    The keys of this list seal the signing keys and TikTok's tokens in the database; keep them where a copy of the
    database does not lead to them. To change the key put a new one first and leave the old one behind a comma.
    """
    # Here and not above: `broker --help` needs no cryptography.
    from broker.sealing import new_secret_key

    click.echo(new_secret_key())
