"""`broker explain`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from broker.cli.clients_found import CLIENT, found
from broker.cli.options import JSON

if TYPE_CHECKING:
    from broker.cli.explain.refusals import Refusal
    from broker.cli.explain.request import Verdict


@click.command("explain")
@CLIENT
@click.option(
    "--request", "address", metavar="URL", help="Say what would become of this request to /authorize, too."
)
@JSON
@click.pass_context
def explain(context: click.Context, client_id: str, address: str | None, as_json: bool) -> None:
    """Explain what holds for a client, what would be refused, and why.

    \b
      broker explain cli_…
      broker explain cli_… --request "https://id.example.com/authorize?client_id=cli_…&…"

    Reads the same settings as `broker serve`, and changes nothing. With --request it exits 1 when that request
    would be refused.
    """
    from dataclasses import asdict

    from broker.cli.explain import effective, refusals, request
    from broker.cli.keys_found import chosen
    from broker.clock import system_clock
    from broker.oauth import client_metadata

    settings = chosen()
    row = found(client_id)
    metadata = client_metadata.read(row.metadata)
    holds = effective.effective(row, metadata, settings, now=system_clock())
    wrong = [*refusals.of_setup(row, metadata, settings)]
    refused = [*refusals.of_requests(metadata)]
    verdict = None if address is None else request.verdict(address, row, metadata)
    if as_json:
        from broker.cli import output

        told = {"wrong": [asdict(each) for each in wrong], "refused": [asdict(each) for each in refused]}
        asked = {} if verdict is None else {"request": asdict(verdict)}
        output.print_json({**holds, **told, **asked})
    else:
        _show(holds, wrong, refused, verdict)
    context.exit(1 if verdict is not None and verdict.refusal is not None else 0)


def _show(
    holds: Mapping[str, Any], wrong: "list[Refusal]", refused: "list[Refusal]", verdict: "Verdict | None"
) -> None:
    from broker.cli import output

    output.print_table([*_rows(holds)])
    for title, those in (("What is wrong:", wrong), ("What would be refused:", refused)):
        if those:
            click.echo(f"\n{title}")
            for each in those:
                code = f" → {each.error}" if each.error else ""
                click.echo(output.visible(f"  {each.what}{code}: {each.why}"))
    if verdict is None:
        return
    if verdict.refusal is None:
        click.echo(f"\nThis request is good; it is granted: {' '.join(verdict.scope) or 'no scope'}")
    else:
        code = f" with {verdict.refusal.error}" if verdict.refusal.error else ""
        click.echo(output.visible(f"\nThis request is refused{code}: {verdict.refusal.why}"))


def _rows(holds: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in holds.items():
        label = f"{before}{name.replace('_', ' ')}"
        match value:
            case Mapping() if name == "redirect_uris":
                uris = [f"{uri}, {how}" for uri, how in value.items()] or ["none"]
                yield from zip((label, *[""] * len(uris)), uris, strict=False)
            case Mapping():
                yield from _rows(value, f"{label}: ")
            case list():
                items = list(map(str, value)) or ["none"]
                yield from zip((label, *[""] * len(items)), items, strict=False)
            case bool():
                yield label, "yes" if value else "no"
            case _:
                yield label, "none" if value is None else str(value)
