"""One set of templates with its style, and the policy under which its pages are sent."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateSyntaxError, meta, nodes

from broker import opaque
from broker.login.pages.folder import STYLE

# What the broker itself has made; everything else on a page is escaped.
_SAFE: Final = ("style", "script")


@dataclass(frozen=True, slots=True)
class Look:
    """Fills templates. `policy` is the part of the content security policy that depends on the style."""

    templates: Environment
    style: str
    policy: str

    @classmethod
    def of(cls, files: Mapping[str, str], *, pictures: bool) -> Self:
        """`files` by name, the style among them; `pictures` allows those that are written into the page itself."""
        style = files[STYLE]
        policy = f"style-src '{source_hash(style)}'" + ("; img-src data:" if pictures else "")
        return cls(_environment(files), style, policy)

    def fill(self, template: str, content: Mapping[str, object]) -> str:
        """The page. Raises whatever a template can fail with."""
        return self.templates.get_template(template).render(content, style=self.style)


def source_hash(text: str) -> str:
    """What a policy calls an inline style or script by (CSP 3 §2.3.1)."""
    return "sha256-" + base64.b64encode(opaque.digest(text)).decode()


def faults(name: str, text: str) -> Iterator[str]:
    """What keeps a file of an operator from being used, one sentence each."""
    if name == STYLE:
        if "</" in text:
            yield f"{name} contains `</`, which could end the style early; take it out."
        return
    try:
        # Compiled and not parsed only: an unknown filter is found no sooner.
        _environment({name: text}).get_template(name)
    except TemplateSyntaxError as error:
        reason = (error.message or "it cannot be understood").rstrip(".")
        yield f"{name} is not a template (line {error.lineno}: {reason}); mend it."
        return
    for line in _unescaped(text):
        yield f"{name} turns the escaping off in line {line}, which only style and script may; take it out."


def used(text: str) -> set[str]:
    """The names of the templates that this one extends or includes."""
    return {name for name in meta.find_referenced_templates(_environment({}).parse(text)) if name is not None}


def _environment(files: Mapping[str, str]) -> Environment:
    def load(name: str) -> tuple[str, str, None] | None:
        return (files[name], name, None) if name in files else None

    return Environment(
        loader=FunctionLoader(load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
    )


def _unescaped(text: str) -> Iterator[int]:
    parsed = _environment({}).parse(text)
    for switch in parsed.find_all(nodes.EvalContextModifier):
        yield switch.lineno
    for used_filter in parsed.find_all(nodes.Filter):
        value = used_filter.node
        if used_filter.name == "safe" and not (isinstance(value, nodes.Name) and value.name in _SAFE):
            yield used_filter.lineno
