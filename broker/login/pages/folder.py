"""Reads a folder of templates, a style and words: our own, or an operator's.

Everything is read once, at the start: no page waits for a disk, and a file that is half written changes nothing.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

OURS: Final = Path(__file__).parent
STYLE: Final = "page.css"
WORDS: Final = "words"
_MOST_BYTES: Final = 256 * 1024
# Of a login's cookie the language may take this much and no more.
_LANGUAGE: Final = re.compile(r"(?=.{2,12}\Z)[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


class BadPages(Exception):
    """An operator's pages cannot be used. `faults`: one sentence each, naming the file and what to do."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(f"The pages in place of ours cannot be used: {' '.join(faults)}")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Folder:
    """What was found: templates and style by file name, words by language tag, and names without a meaning."""

    files: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read(path: Path) -> Folder:
    """Everything in a folder that could be meant for a page. What cannot be used is among the `faults`."""
    found = Folder()
    for name, file in _entries(path, "", found):
        if name == WORDS:
            for word_name, word_file in _entries(file, f"{WORDS}/", found):
                _take_words(found, word_name, word_file)
        elif name == STYLE or name.endswith(".html"):
            found.files[name] = _text(found, name, file)
        else:
            found.strange.append(name)
    return found


def _entries(folder: Path, prefix: str, found: Folder) -> list[tuple[str, Path]]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        found.faults.append(f"{prefix or 'The folder'} cannot be read ({error.strerror}); correct it.")
        return []
    # Kubernetes mounts a folder's files with bookkeeping of its own beside them, `..data` and such.
    return [(prefix + entry.name, entry) for entry in entries if not entry.name.startswith(".")]


def _take_words(found: Folder, name: str, file: Path) -> None:
    language = file.stem
    if file.suffix != ".json" or _LANGUAGE.fullmatch(language) is None:
        found.strange.append(name)
        return
    try:
        words = orjson.loads(_text(found, name, file) or "{}")
    except orjson.JSONDecodeError as error:
        found.faults.append(f"{name} is not JSON (line {error.lineno}); mend it.")
        return
    if not isinstance(words, dict) or not all(isinstance(text, str) and text.strip() for text in words.values()):
        found.faults.append(f"{name} must be one JSON object of names and sentences; mend it.")
        return
    found.words[language.lower()] = words


def _text(found: Folder, name: str, file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        found.faults.append(f"{name} cannot be read ({error.strerror}); correct its rights.")
        return ""
    if len(raw) > _MOST_BYTES:
        found.faults.append(f"{name} is larger than 256 KiB; shorten it.")
        return ""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        found.faults.append(f"{name} is not UTF-8; save it as that.")
        return ""
    # Browsers read these line ends so, and the policy names the style by its hash.
    return text.replace("\r\n", "\n").replace("\r", "\n")
