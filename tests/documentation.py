"""Reading the project's pages: what stands in code, what links lead to, what a command line runs."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_OPERATORS = ("|", ">", "<", "&", ";")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file of the project."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def spans(self) -> list[str]:
        """What stands between single backticks."""
        return _SPAN.findall(_FENCE.sub("", self.text))

    @property
    def links(self) -> list[str]:
        """Where the links lead, as written."""
        return _LINK.findall(_FENCE.sub("", self.text))

    @property
    def anchors(self) -> set[str]:
        """The names that headings give themselves, as the usual viewers make them."""
        plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(self.text))
        return {heading.replace(" ", "-") for heading in plain}

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks in this language."""
        return [block for found, block in _FENCE.findall(self.text) if found == language]

    def rows(self, header: str) -> list[list[str]]:
        """The cells of the table below this header row."""
        _, _, below = self.text.partition(f"\n{header}\n")
        table = takewhile(lambda line: line.startswith("|"), below.splitlines())
        return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table][1:]

    def command_lines(self) -> Iterator[list[str]]:
        """What a reader may type, in spans and shell blocks, split as by a shell; each program of a pipe apart."""
        shell = "\n".join(block for language in ("sh", "bash") for block in self.blocks(language))
        for line in (*shell.replace("\\\n", " ").splitlines(), *self.spans):
            try:
                words = shlex.split(line, comments=True)
            except ValueError:
                continue
            while words:
                ends = (number for number, word in enumerate(words) if word[0:1] in _OPERATORS)
                end = next(ends, len(words))
                yield words[:end]
                words = words[end + 1 :]


PAGES = [Page(path) for path in sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))]
README = Page(ROOT / "README.md")


def after_program(words: list[str]) -> list[str] | None:
    """The arguments of `broker` in this command line, alone or in a container; None for another program."""
    match [word for word in words if "=" not in word or word.startswith("-")]:
        case ["docker", "compose", "run", *rest] if "broker" in rest:
            return rest[rest.index("broker") + 1 :]
        case ["docker", "run", *rest] if "tiktok-broker" in rest:
            return rest[rest.index("tiktok-broker") + 1 :]
        case ["docker", *rest] if "exec" in rest and ("broker", "broker") in pairwise(rest):
            # The container's name, then the program's.
            return rest[rest.index("broker") + 2 :]
        case ["kubectl" | "runuser", *rest] if "--" in rest:
            return after_program(rest[rest.index("--") + 1 :])
        case [program, *arguments] if Path(program).name == "broker" and arguments:
            return arguments
        case _:
            return None


def fault_in(program: click.Command, arguments: list[str]) -> str | None:
    """The first of these arguments that names a command or an option which the program has not."""
    command = program
    for argument in arguments:
        if argument.startswith("--"):
            name = argument.partition("=")[0]
            known = {option for parameter in command.params for option in parameter.opts}
            if name not in known | {"--help"}:
                return argument
        elif isinstance(command, click.Group) and argument != "…":
            found = command.get_command(click.Context(command), argument)
            if found is None:
                return argument
            command = found
    return None
