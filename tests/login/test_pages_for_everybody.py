"""Every page can be used with a screen reader, a keyboard, large letters and weak eyes: read from the markup."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest

from broker.login.pages import loading
from broker.login.pages.languages import Languages
from tests.login.samples import REQUEST_ID, all_pages, text

PAGES = loading.load(None)


@dataclass
class Element:
    """One element: the tags it stands in, its attributes, and all text inside."""

    tag: str
    above: tuple[str, ...]
    attributes: dict[str, str | None]
    text: str = ""


class Outline(HTMLParser):
    """The elements of a page in their order."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[Element] = []
        self.elements: list[Element] = []
        self.feed(markup)
        self.close()
        assert self.open == [], "an element is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, tuple(each.tag for each in self.open), dict(attrs))
        self.elements.append(element)
        if tag not in ("meta", "input"):
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        """The elements with one of these tags."""
        return [element for element in self.elements if element.tag in tags]


@pytest.mark.parametrize("language", PAGES.languages.tags)
def test_every_page_has_one_heading_one_main_part_its_language_and_the_request_id(language: str) -> None:
    """WCAG 2.2: 1.3.1, 2.4.2, 2.4.6, 3.1.1, 4.1.2."""
    for page in all_pages(PAGES, language):
        outline = Outline(text(page))
        (html,) = outline.all("html")
        (title,) = outline.all("title")
        (heading,) = outline.all("h1", "h2", "h3")
        assert (heading.tag, heading.text) == ("h1", title.text)
        assert heading.text.strip()
        assert html.attributes["lang"] == language
        assert len(outline.all("main")) == 1
        # All that is shown stands in the one landmark.
        assert all("main" in shown.above for shown in outline.all("h1", "p", "form", "a", "button", "footer"))
        (request_id, *_) = outline.all("code")
        assert request_id.text == REQUEST_ID
        (viewport,) = [each for each in outline.all("meta") if each.attributes.get("name") == "viewport"]
        # 1.4.4: whoever needs to may zoom.
        assert viewport.attributes["content"] == "width=device-width, initial-scale=1"


def test_what_can_be_pressed_is_a_button_or_a_link_with_a_name_in_the_natural_order() -> None:
    """WCAG 2.2: 2.1.1, 2.4.3, 2.5.3."""
    pressed = 0
    for page in all_pages(PAGES):
        outline = Outline(text(page))
        assert bool(outline.all("form")) == bool(outline.all("button"))
        for button in outline.all("button"):
            assert "form" in button.above
            assert button.attributes["type"] == "submit"
        for link in outline.all("a"):
            assert (link.attributes["href"] or "").startswith("https://")
        for each in outline.all("a", "button"):
            assert each.text.strip()
            pressed += 1
        for element in outline.elements:
            assert not element.attributes.keys() & {"tabindex", "autofocus", "accesskey", "style", "role"}
        assert {field.attributes["type"] for field in outline.all("input")} <= {"hidden"}
    assert pressed == 7


def test_a_sentence_in_another_language_says_so() -> None:
    """WCAG 2.2: 3.1.2."""
    refused = text(next(iter(all_pages(PAGES, "zh"))))
    assert '<p lang="en">It has no client_id.</p>' in refused


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_letter_stands_out_from_its_ground(scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1; 1.4.11 for the ring around what has the focus: 3 to 1."""
    colours = _colours(scheme)
    for letters, ground in (("ink", "ground"), ("quiet", "ground"), ("on-accent", "accent")):
        assert _contrast(colours[letters], colours[ground]) >= 4.5, (letters, ground)
    assert _contrast(colours["accent"], colours["ground"]) >= 3
    assert re.search(r"\.button:focus-visible \{ outline: 3px solid var\(--quiet\)", PAGES.ours.style)


def test_letters_grow_with_the_readers_setting_and_long_words_are_broken() -> None:
    """WCAG 2.2: 1.4.4, 1.4.10, 1.4.12."""
    style = PAGES.ours.style
    assert re.findall(r"font(?:-size)?: [^;]*\d(px|pt)", style) == []
    assert re.findall(r"[^-]height: \d", style) == []
    assert re.search(r"^p \{[^}]*overflow-wrap: anywhere", style, re.MULTILINE)
    assert re.search(r"^footer \{[^}]*overflow-wrap: anywhere", style, re.MULTILINE)
    # A name that fills the screen is cut on the button, for the eye only.
    assert re.search(r"^\.button span \{[^}]*line-clamp: 3", style, re.MULTILINE)
    assert re.search(r"^code \{[^}]*[^-]user-select: all", style, re.MULTILINE)


def test_a_language_that_is_spoken_is_found_by_its_nearer_and_its_wider_name() -> None:
    """RFC 4647 §3.4."""
    spoken = Languages({"en": {}, "zh": {}, "zh-hant": {}, "pt-br": {}})
    for asked, expected in {
        "zh-Hant-TW": "zh-hant",
        "zh-TW": "zh",
        "ZH-HANT": "zh-hant",
        "pt": None,
        "pt-PT pt-BR": "pt-br",
        "-": None,
        "": None,
    }.items():
        assert spoken.wished(asked) == expected, asked
    assert spoken.wished(None) is None


def _colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{([^}]*)\}", PAGES.ours.style)
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", light if scheme == "light" else dark))


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
