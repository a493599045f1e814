"""What commands of several groups have in common: an option, and names that may look like one."""

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
# No option is as long as the shortest of TikTok's ids, by far.
_LONGER_THAN_OPTIONS = 20


class NamingCommand(click.Command):
    """A command with one argument, a long name, and flags.

    TikTok's `open_id`s and the thumbprints of keys may begin with a dash, and are no options then.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names = [one for one in args if one.startswith("-") and len(one) > _LONGER_THAN_OPTIONS]
        if names and "--" not in args:
            args = [*(one for one in args if one not in names), "--", *names]
        return super().parse_args(ctx, args)
