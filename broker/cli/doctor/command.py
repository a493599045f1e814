"""`broker doctor`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from broker.cli.doctor.findings import Finding


@click.command("doctor")
@click.option(
    "--online", is_flag=True, help="Ask TikTok whether it knows key and secret, and the issuer who it is, too."
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of findings as JSON.")
@click.pass_context
def doctor(context: click.Context, online: bool, as_json: bool) -> None:
    """Look at every setting, rule and dependency, and say what to do about each that is not right.

    \b
      broker doctor
      broker doctor --online

    Reads the same settings as `broker serve`, and changes nothing. It prints the redirect URIs to register at
    TikTok, character for character, and looks at the database, the keys, the pages and the registered apps.

    With --online it proves each client key and secret at TikTok, compares what the issuer shows to the world with
    what is here, and begins a sign-in through the proxy, which it gives up at once. Run that on the broker's
    machine while it serves.

    Exits 1 when there is a fault, and 0 when there are mere warnings.
    """
    from broker.cli.doctor import report

    findings = _findings(online=online)
    if as_json:
        from dataclasses import asdict

        from broker.cli.output import print_json

        print_json([asdict(finding) for finding in findings])
    else:
        report.show(findings)
    context.exit(1 if any(finding.outcome == "fault" for finding in findings) else 0)


def _findings(*, online: bool) -> "list[Finding]":
    import asyncio

    from broker import log, settings
    from broker.cli.doctor.examination import examined
    from broker.cli.doctor.findings import fault_from
    from broker.clock import system_clock

    try:
        chosen = settings.from_environment()
    except settings.BadSettings as bad:
        return [
            fault_from("settings", sentence, "Correct it; the README lists every setting.")
            for sentence in bad.faults
        ]
    # What goes wrong is a finding; a line of the log beside it would only say it twice.
    log.configure(chosen.log_format, "critical")

    async def every() -> "list[Finding]":
        return [finding async for finding in examined(chosen, system_clock, ask=online)]

    return asyncio.run(every())
