"""Bars as SVG, for light and dark pages: a drawing has a ground of its own, and follows the reader's choice.

A chart has panels one below the other, each with a scale of its own, since legs differ by a hundred times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LABELS, _VALUES = 860, 190, 150
_BAR, _GAP, _TOP, _MARGIN = 15, 12, 30, 20
_STYLE = """
  .ground { fill: #ffffff } text { fill: #1f2328; font: 13px system-ui, sans-serif } .title { font-size: 16px }
  .panel { font-weight: 600 } .value { font-size: 12px } .whisker { stroke: #1f2328; stroke-width: 1.5 }
  .s0 { fill: #0072b2 } .s1 { fill: #e69f00 } .s2 { fill: #009e73 } .s3 { fill: #cc79a7 } .s4 { fill: #d55e00 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .whisker { stroke: #e6edf3 } .s0 { fill: #4aa3df }
  }
"""
MOST_SERIES = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """A value of one series, with the range to draw over it, and how it reads."""

    series: int
    value: float
    lowest: float
    highest: float
    words: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows of bars that share a scale."""

    heading: str
    rows: Sequence[tuple[str, Sequence[Bar]]]

    @property
    def height(self) -> int:
        """In pixels, with the heading."""
        return _TOP + sum(_GAP + _BAR * len(bars) for _, bars in self.rows)


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing. `series` are the names of what the bars stand for, `MOST_SERIES` at most."""

    title: str
    explained: str
    series: Sequence[str]
    panels: Sequence[Panel]

    def svg(self) -> str:
        """The drawing as a file's text."""
        legend = 2 * _MARGIN + 44 + 18 * len(self.series)
        height = legend + sum(panel.height for panel in self.panels) + _MARGIN
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
            f' height="{height}" role="img" aria-labelledby="title explained">',
            f'<title id="title">{escape(self.title)}</title>',
            f'<desc id="explained">{escape(self.explained)}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{_WIDTH}" height="{height}" rx="6"/>',
            _text(_MARGIN, _MARGIN + 14, self.title, "title"),
            _text(_MARGIN, _MARGIN + 36, self.explained, "value"),
        ]
        for number, name in enumerate(self.series):
            y = _MARGIN + 48 + 18 * number
            parts.append(f'<rect class="s{number}" x="{_MARGIN}" y="{y}" width="12" height="12"/>')
            parts.append(_text(_MARGIN + 20, y + 11, name))
        y = legend
        for panel in self.panels:
            parts += _drawn(panel, y)
            y += panel.height
        return "\n".join([*parts, "</svg>", ""])


def _drawn(panel: Panel, y: int) -> Iterator[str]:
    yield _text(_MARGIN, y + 16, panel.heading, "panel")
    y += _TOP
    room = _WIDTH - _LABELS - _VALUES - 2 * _MARGIN
    longest = max((bar.highest for _, bars in panel.rows for bar in bars), default=0.0)
    scale = room / longest if longest > 0 else 0.0
    left = _MARGIN + _LABELS
    for label, bars in panel.rows:
        yield _text(_MARGIN, y + _BAR * len(bars) / 2 + 4, label)
        for bar in bars:
            middle = y + (_BAR - 3) / 2
            size = f'width="{bar.value * scale:.1f}" height="{_BAR - 3}"'
            yield f'<rect class="s{bar.series}" x="{left}" y="{y}" {size}/>'
            yield (
                f'<line class="whisker" x1="{left + bar.lowest * scale:.1f}" x2="{left + bar.highest * scale:.1f}"'
                f' y1="{middle:.1f}" y2="{middle:.1f}"/>'
            )
            yield _text(left + bar.highest * scale + 8, y + 11, bar.words, "value")
            y += _BAR
        y += _GAP


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    styled = f' class="{kind}"' if kind else ""
    return f'<text{styled} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
