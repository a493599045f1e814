"""Puts the pages together at the start: ours, and over them what an operator's folder holds."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker import log
from broker.login.pages import folder, look
from broker.login.pages.folder import BadPages, Folder
from broker.login.pages.languages import DEFAULT, Languages
from broker.login.pages.look import Look
from broker.login.pages.rendering import OF_SCOPE, Link, Pages

_log = log.get("pages")


def load(operators: Path | None) -> Pages:
    """The pages, with what is in the operator's folder in place of ours; what has no meaning there is warned of.

    Raises `BadPages` with every fault in that folder.
    """
    ours = folder.read(folder.OURS)
    our_look = Look.of(ours.files, pictures=False)
    if operators is None:
        return Pages(Languages(ours.words), our_look, None)
    theirs = folder.read(operators)
    faults = (*theirs.faults, *(fault for item in theirs.files.items() for fault in look.faults(*item)))
    if faults:
        raise BadPages(faults)
    _warn_of_strange(ours, theirs)
    words = _merged(ours.words, theirs.words)
    pages = Pages(Languages(words), our_look, Look.of({**ours.files, **theirs.files}, pictures=True))
    if missing := tuple(_left_out(pages)):
        raise BadPages(missing)
    return pages


def _merged(ours: dict[str, dict[str, str]], theirs: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    merged = dict(ours)
    for language, words in theirs.items():
        if language not in ours and (untold := ours[DEFAULT].keys() - words.keys()):
            _log.warning("pages.words_missing", language=language, told_in=DEFAULT, words=sorted(untold))
        merged[language] = {**ours[DEFAULT], **ours.get(language, {}), **words}
    return merged


def _warn_of_strange(ours: Folder, theirs: Folder) -> None:
    """A mistyped name would do nothing, and nobody would know why."""
    templates = {name: text for name, text in theirs.files.items() if name != folder.STYLE}
    meant = ours.files.keys() | {name for text in templates.values() for name in look.used(text)}
    files = [*theirs.strange, *(templates.keys() - meant)]
    for name in sorted(files):
        _log.warning("pages.file_not_used", file=name, nearest=_nearest(name, [*ours.files, folder.WORDS]))
    ours_say = ours.words[DEFAULT]
    for language, words in theirs.words.items():
        for key in words.keys() - ours_say.keys():
            # TikTok has more scopes than we have words for.
            if not key.startswith(OF_SCOPE) and not any(key in text for text in templates.values()):
                nearest = _nearest(key, list(ours_say))
                _log.warning("pages.words_not_used", language=language, words=key, nearest=nearest)


def _nearest(name: str, known: list[str]) -> str | None:
    return next(iter(get_close_matches(name, known, n=1)), None)


def _left_out(pages: Pages) -> Iterator[str]:
    """Fills every page once: one that fails is in the log before a person needs it, and a form must be whole."""
    request = Request({"type": "http", "headers": [], "query_string": b"", "broker.request_id": "rehearsal"})
    link = Link("https://the-address.example/", "the-label")
    pages.message(request, "lost", status=400, link=link)
    pages.message(request, "bad_link", status=400, happened="the-event", code="the-code")
    if "the-question" not in _text(pages.sign_out_question(request, "the-question")):
        yield "sign_out.html leaves out the question, so nobody could sign out; put its hidden field in."
    asking = _text(pages.permissions(request, app="the-app", scopes=["the.scope"], login="the-login"))
    if not all(part in asking for part in ("the-login", "choice", "continue", "back")):
        yield "permissions.html leaves out login or choice, so nobody could go on; put the form of ours in."
    posting = _text(pages.form_post(request, link.address, {"the-name": "the-value"}))
    if not all(part in posting for part in (link.address, "the-name", "the-value")):
        yield "form_post.html leaves out address or answer, so nobody could sign in; put the form of ours in."


def _text(page: HTMLResponse) -> str:
    return bytes(page.body).decode()
