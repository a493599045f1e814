"""Chromium as the tests start it, and tabs that complain."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NEEDED = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (apt install chromium)")


@contextlib.contextmanager
def watched(tab: Page, *, expected: tuple[str, ...]) -> Iterator[Page]:
    """The tab, closed at the end, when a policy of ours has blocked nothing of ours and no script broke.

    Chromium also mentions answers that are errors; those of the `expected` kinds are none to a test.
    """
    tab.set_default_timeout(10_000)
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    tab.close()
    assert [text for text in complaints if not any(words in text for words in expected)] == []
