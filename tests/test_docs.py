"""The pages say what is true: settings, commands, files, links, targets and libraries they name are there."""

import re
import tomllib

import pytest

from broker.cli.db_check import EXITS
from broker.cli.main import broker
from broker.configuration.table import VARIABLES
from broker.configuration.variable import FILE_SUFFIX, Variable
from broker.settings import Settings
from tests.architecture import LINES, PARTS
from tests.documentation import PAGES, README, ROOT, Page, after_program, fault_in

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

# A path in backticks: with a slash inside, or a file by its ending. One that begins with a slash is a URL's.
_PATH = re.compile(r"[\w.*-]+(/[\w.*-]*)+|[\w-]+\.(py|md|toml|ya?ml|lock|ini)")
_NOT_IN_A_CHECKOUT = (".venv/", "var/", "dist/")


def _default(variable: Variable) -> str:
    if variable.remedy:
        return "required"
    return f"`{variable.default}`" if variable.default else "–"


def test_the_readme_has_every_setting_with_its_default_and_purpose_and_no_other() -> None:
    told = README.rows("| variable | default | what it is for |")
    assert told == [[f"`{each.name}`", _default(each), each.purpose] for each in VARIABLES]


@every_page
def test_a_variable_that_a_page_names_is_a_setting(page: Page) -> None:
    composed = re.findall(r"\$\{(BROKER_[A-Z0-9_]+)", (ROOT / "compose.yaml").read_text())
    known = {name for each in VARIABLES for name in (each.name, each.name + FILE_SUFFIX)} | set(composed)
    assert set(re.findall(r"\bBROKER_[A-Z0-9_]*[A-Z0-9]\b", page.text)) <= known


def test_the_readme_says_which_settings_have_no_effect_yet() -> None:
    aside = (ROOT / "broker/settings.py", *(ROOT / "broker/configuration").iterdir())
    code = "".join(path.read_text() for path in (ROOT / "broker").rglob("*.py") if path not in aside)
    unused = {
        each.name for each in VARIABLES if each.field in Settings.__dataclass_fields__ and each.field not in code
    }
    _, _, after = README.text.partition("no effect yet:")
    sentence, _, _ = after.partition(".")
    assert set(re.findall(r"BROKER_\w+", sentence)) == unused


@every_page
def test_a_command_that_a_page_names_exists_with_its_options(page: Page) -> None:
    for words in page.command_lines():
        arguments = after_program(words)
        if arguments is not None:
            assert fault_in(broker, arguments) is None, f"{page.name}: {' '.join(words)}"


@every_page
def test_a_make_target_that_a_page_names_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in page.command_lines():
        if words[:1] == ["make"]:
            assert {word for word in words[1:] if "=" not in word} <= targets, f"{page.name}: {' '.join(words)}"


@every_page
def test_a_path_in_backticks_leads_to_a_file_or_folder(page: Page) -> None:
    named = [span for span in page.spans if _PATH.fullmatch(span) and not span.startswith(_NOT_IN_A_CHECKOUT)]
    assert [path for path in named if not _found(path)] == []


def _found(path: str) -> bool:
    """In the checkout, or in `broker/` by its short name: `keys/ring` is `broker/keys/ring.py`."""
    return any(any(ROOT.glob(place)) for place in (path, f"broker/{path}", f"broker/{path}.py"))


@every_page
def test_a_local_link_leads_somewhere(page: Page) -> None:
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.path if not path else (page.path.parent / path).resolve()
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in Page(target).anchors, f"{page.name}: {link}"


def test_the_states_of_a_database_are_listed_with_their_exit_codes() -> None:
    rows = Page(ROOT / "docs/migrations.md").rows("| exit | state | what it means | what to do |")
    assert {state: int(code) for code, state, *_ in rows if state != "–"} == EXITS


def test_every_library_is_listed_with_its_reason_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["build"]]
    declared += project["project"]["optional-dependencies"]["dev"] + project["dependency-groups"]["release"]
    wanted = {re.split(r"[\[<>=;]", entry)[0] for entry in declared} | {"uv"}
    page = Page(ROOT / "docs/decisions/libraries.md")
    rows = page.rows("| library | why |") + page.rows("| for development | why |")
    assert sorted(name for names, _ in rows for name in names.split(", ")) == sorted(wanted)


def test_the_rooms_are_listed_as_the_imports_allow_them() -> None:
    rows = Page(ROOT / "docs/architecture.md").rows("| rooms of `broker/` | what lives there |")
    told = [
        {room.rstrip("/").removesuffix(".py") for room in re.findall(r"`([^`]+)`", rooms)} for rooms, _ in rows
    ]
    there = {path.stem for path in (ROOT / "broker").glob("[a-z]*")}
    expected = [{room for room in there if PARTS.get(room, room) in line} for line in LINES]
    assert told == [rooms for rooms in expected if rooms]


def test_every_decision_is_in_the_index() -> None:
    index = Page(ROOT / "docs/decisions/README.md")
    records = {path.name for path in index.path.parent.glob("*.md")} - {"README.md"}
    assert set(index.links) == records


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("broker demo --check", None),
        ("broker demo --chek", "--chek"),
        ("broker dmeo", "dmeo"),
        ("broker clients frobnicate", "frobnicate"),
        ("docker compose exec broker broker secrets", "secrets"),
        ("docker compose run --rm broker db upgrad", "upgrad"),
        ("docker run --rm tiktok-broker secrets", "secrets"),
        ("kubectl exec deployment/broker -- broker docter", "docter"),
        ("runuser --user broker -- /opt/broker/bin/broker doctor --onlin", "--onlin"),
    ],
)
def test_a_wrong_command_line_would_be_found(line: str, fault: str | None) -> None:
    arguments = after_program(line.split())
    assert arguments is not None
    assert fault_in(broker, arguments) == fault
