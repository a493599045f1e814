"""Reading what `/metrics` answers."""

import re

_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Every sample of the exposition, by its name and labels."""
    found: Samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample is not None, line
        key = (sample[1], frozenset(_LABEL.findall(sample[2] or "")))
        assert key not in found, line
        found[key] = float(sample[3])
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    """The one sample of this name and these labels; 0 for one that is not there yet."""
    return found.get((name, frozenset(labels.items())), 0.0)
