"""`broker secret`."""

from broker.sealing import SecretKey
from tests.cli.running import run


def test_it_prints_a_key_and_nothing_else() -> None:
    result = run("secret")
    assert (result.exit_code, result.stderr) == (0, "")
    line, end, rest = result.stdout.partition("\n")
    assert (end, rest) == ("\n", "")
    SecretKey(line)


def test_every_key_is_another() -> None:
    assert run("secret").stdout != run("secret").stdout
