"""An operator's folder takes the place of our pages, file by file, and can break no sign-in."""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from broker.login.pages import loading
from broker.login.pages.folder import OURS, BadPages
from broker.login.pages.rendering import Pages
from tests.configuration.given import fault as setting_fault
from tests.configuration.given import loaded as settings
from tests.login.samples import all_pages, request, text
from tests.stage import HeldClock
from tests.web.front import running_front

CANARY = "brc_canary-code"
KINDS = ("form_post.html", "message.html", "permissions.html", "sign_out.html")


def loaded(folder: Path, files: Mapping[str, str | bytes]) -> Pages:
    """The pages with these files in the folder."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return loading.load(folder)


def fault(folder: Path, name: str, content: str | bytes) -> str:
    """The one fault of this file, which it names."""
    with pytest.raises(BadPages) as caught:
        loaded(folder, {name: content})
    (sentence,) = caught.value.faults
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def ours(name: str) -> str:
    return (OURS / name).read_text()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


# What takes the place of what


def test_an_empty_folder_changes_nothing_but_that_pictures_may_stand_in_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for plain, page in zip(all_pages(loading.load(None)), all_pages(loading.load(tmp_path)), strict=True):
        assert text(page) == text(plain)
        policy = page.headers["content-security-policy"]
        assert policy.replace("; img-src data:", "") == plain.headers["content-security-policy"]
    assert logged(capsys) == []


def test_a_copy_of_our_files_is_a_good_folder_to_begin_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = [file for file in OURS.rglob("*") if file.suffix in (".html", ".css", ".json")]
    pages = loaded(tmp_path, {str(file.relative_to(OURS)): file.read_bytes() for file in copied})
    for language in ("en", "es", "zh"):
        plain = [text(page) for page in all_pages(loading.load(None), language)]
        assert [text(page) for page in all_pages(pages, language)] == plain
    assert logged(capsys) == []


def test_a_template_takes_the_place_of_ours_and_is_escaped_all_the_same(tmp_path: Path) -> None:
    pages = loaded(
        tmp_path,
        {
            "message.html": '{% extends "frame.html" %}{% block content %}<b>{{ happened }}</b>{% endblock %}',
            "frame.html": '<html lang="{{ language }}">{% include "logo.html" %}{% block content %}{% endblock %}',
            "logo.html": "<svg></svg>",
        },
    )
    page = pages.message(request("es"), "bad_link", status=400, happened="<script>alert(1)</script>")
    assert text(page) == '<html lang="es"><svg></svg><b>&lt;script&gt;alert(1)&lt;/script&gt;</b>'


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_policy_names_the_operators_style_as_a_browser_reads_it(tmp_path: Path, line_end: str) -> None:
    """CSP 3 §8.4, HTML §13.2.3.5: line ends are read as one character, and no mark stands in front."""
    style = f"\ufeffp {{ color: red }}{line_end}h1 {{ color: blue }}{line_end}"
    for page in all_pages(loaded(tmp_path, {"page.css": style})):
        (read,) = re.findall(r"<style>(.*?)</style>", text(page), re.DOTALL)
        assert read == "p { color: red }\nh1 { color: blue }\n"
        digest = base64.b64encode(hashlib.sha256(read.encode()).digest()).decode()
        policy = page.headers["content-security-policy"]
        assert f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_words_take_the_place_of_ours_one_by_one_and_a_further_file_adds_a_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = loaded(
        tmp_path,
        {
            "words/es.json": '{"sign_out.button": "Salir"}',
            "words/de.json": '{"sign_out.title": "Abmelden?", "sign_out.imprint": "Impressum"}',
            "sign_out.html": '{{ title }} {{ say("sign_out.button") }} {{ question }}{# sign_out.imprint #}',
        },
    )
    assert pages.languages.tags == ("en", "es", "zh", "de")
    told = {tag: text(pages.sign_out_question(request(tag), "q")) for tag in pages.languages.tags}
    assert told == {
        "en": "Sign out? Sign out q",
        "es": "¿Cerrar la sesión? Salir q",
        "zh": "要退出登录吗？ 退出登录 q",
        "de": "Abmelden? Sign out q",
    }
    (line,) = logged(capsys)
    assert (line["event"], line["language"], line["told_in"]) == ("pages.words_missing", "de", "en")
    assert "sign_out.button" in line["words"]
    assert "sign_out.title" not in line["words"]


async def test_a_language_of_the_operator_is_announced_and_spoken(
    file_url: str, clock: HeldClock, tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "words").mkdir()
    (folder / "words" / "de.json").write_text('{"sign_out.title": "Abmelden?"}')
    async with running_front(file_url, clock, BROKER_TEMPLATES=str(folder)) as front:
        document = (await front.http.get("/.well-known/openid-configuration")).json()
        assert document["ui_locales_supported"] == ["en", "es", "zh", "de"]
        page = await front.http.get("/logout?ui_locales=de-AT")
        assert "<h1>Abmelden?</h1>" in page.text
        assert page.headers["content-language"] == "de"


# What is refused at the start


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("message.html", "a\n{% if %}", "is not a template (line 2: Expected an expression"),
        ("message.html", "{{ title|shout }}", "is not a template (line 1: No filter named 'shout')"),
        ("frame.html", "{% block content %}", "is not a template (line 1: "),
        ("logo.html", "{{", "is not a template (line 1: "),
        ("message.html", "\n{{ happened|safe }}", "turns the escaping off in line 2"),
        ("message.html", "{% filter safe %}x{% endfilter %}", "turns the escaping off in line 1"),
        (
            "message.html",
            "{% autoescape false %}{{ happened }}{% endautoescape %}",
            "turns the escaping off in line 1",
        ),
        ("message.html", b"\xff", "is not UTF-8"),
        ("message.html", b" " * (256 * 1024 + 1), "is larger than 256 KiB"),
        ("page.css", "p { content: '</style><script>' }", "contains `</`"),
        ("words/es.json", '{\n"a": }', "is not JSON (line 2)"),
        ("words/es.json", '["a"]', "must be one JSON object"),
        ("words/es.json", '{"lost.title": 1}', "must be one JSON object"),
        ("words/es.json", '{"lost.title": " "}', "must be one JSON object"),
        ("sign_out.html", "{{ title }}", "leaves out the question"),
        ("form_post.html", '<form action="{{ address }}">', "leaves out address or answer"),
        ("form_post.html", "{% for n, v in answer.items() %}{{ n }}{{ v }}{% endfor %}", "leaves out address"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_with_its_name(
    tmp_path: Path, name: str, content: str | bytes, reason: str
) -> None:
    assert reason in fault(tmp_path, name, content)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "frame.html").mkdir()
    with pytest.raises(BadPages) as caught:
        loaded(tmp_path, {"message.html": "{{", "page.css": "</", "words/es.json": b"\xff"})
    assert [sentence.split()[0] for sentence in caught.value.faults] == [
        "frame.html",
        "words/es.json",
        "message.html",
        "page.css",
    ]


def test_a_folder_that_is_none_is_a_fault_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name, reason in {"absent": "No such file", "file": "Not a directory", "nul\0": "path of a folder"}.items():
        sentence = setting_fault(TEMPLATES=str(tmp_path / name))
        assert reason in sentence
        assert str(tmp_path) not in sentence
    assert settings(TEMPLATES=str(tmp_path)).templates == tmp_path
    assert settings().templates is None


# What is warned of


def test_a_name_without_a_meaning_is_warned_of_with_the_one_that_is_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded(
        tmp_path,
        {
            "mesage.html": "x",
            "pages.css": "x",
            "word/es.json": "{}",
            "words/deutsch.json": "{}",
            "words/es.txt": "x",
            "words/en.json": '{"sign_out.buton": "x"}',
            "notes.txt": "x",
            # Kubernetes keeps such beside what it mounts.
            "..data/message.html": "x",
            ".gitignore": "x",
        },
    )
    lines = logged(capsys)
    files = {line["file"]: line["nearest"] for line in lines if line["event"] == "pages.file_not_used"}
    assert files == {
        "mesage.html": "message.html",
        "notes.txt": None,
        "pages.css": "page.css",
        "word": "words",
        "words/deutsch.json": None,
        "words/es.txt": None,
    }
    (words,) = [line for line in lines if line["event"] == "pages.words_not_used"]
    assert (words["language"], words["words"], words["nearest"]) == ("en", "sign_out.buton", "sign_out.button")
    assert len(lines) == len(files) + 1
    assert {line["level"] for line in lines} == {"warning"}


# What fails later


@pytest.mark.parametrize(
    "failing",
    [
        "{{ unknown }}",
        "{{ request_id.unknown.more }}",
        "{{ 1 / 0 }}",
        '{{ say("no.such.sentence") }}',
        '{% extends "absent.html" %}',
    ],
)
def test_a_template_that_fails_while_it_is_filled_gives_way_to_ours_and_is_logged_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], failing: str
) -> None:
    pages = loaded(tmp_path, dict.fromkeys(KINDS, f"<p>theirs\n{failing}") | {"page.css": "p { color: red }"})
    lines = logged(capsys)
    assert sorted(line["page"] for line in lines) == list(KINDS)
    for line in lines:
        assert (line["level"], line["event"]) == ("error", "pages.template_failed")
        assert line["file"] in (*KINDS, "absent.html")
        assert line["line"] == 2
    for plain, page in zip(all_pages(loading.load(None)), all_pages(pages), strict=True):
        # Ours with our own style, and the policy that belongs to it.
        assert text(page) == text(plain)
        assert page.headers["content-security-policy"] == plain.headers["content-security-policy"]
    assert logged(capsys) == []


def test_what_fails_for_one_person_only_is_logged_without_what_the_page_was_to_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    posting = ours("form_post.html").replace(
        "<p>", '{% if "code" in answer %}{{ {}[answer.code] }}{% endif %}<p>', 1
    )
    pages = loaded(tmp_path, {"form_post.html": posting})
    assert logged(capsys) == []
    for _ in range(2):
        page = pages.form_post(request(), "https://app.example/", {"code": CANARY})
        assert f'value="{CANARY}"' in text(page)
    written = capsys.readouterr().err
    assert CANARY not in written
    (line,) = written.splitlines()
    told = orjson.loads(line)
    assert (told["page"], told["file"], told["line"]) == ("form_post.html", "form_post.html", 3)
    assert told["error"] == "UndefinedError"
