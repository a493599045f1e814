"""The systemd unit fits the program, and is one that systemd takes."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from broker.cli.main import broker
from broker.configuration.table import VARIABLES
from broker.configuration.variable import FILE_SUFFIX
from tests.deploy.manifests import SETTINGS, UNIT, farewell, unit
from tests.documentation import fault_in

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
PROGRAM = "/opt/broker/bin/broker"


def given() -> dict[str, str]:
    environment = dict(line.split("=", 1) for line in unit("Service", "Environment"))
    lines = UNIT.with_name("broker.env").read_text().splitlines()
    return environment | dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_it_sets_what_is_a_setting_and_all_that_is_required() -> None:
    named = {name for name in given() if name.startswith("BROKER_")}
    assert named <= SETTINGS
    required = {each.name for each in VARIABLES if each.remedy}
    assert required <= {name.removesuffix(FILE_SUFFIX) for name in named}


def test_each_secret_is_a_credential() -> None:
    """systemd.exec(5), "Credentials": files of root's, handed over in memory."""
    credentials = {line.partition(":")[0] for line in unit("Service", "LoadCredential")}
    files = {path for name, path in given().items() if name.endswith(FILE_SUFFIX)}
    assert files == {f"%d/{name}" for name in credentials}


def test_it_runs_a_command_that_there_is_and_gives_it_time_to_end() -> None:
    (line,) = unit("Service", "ExecStart")
    program, *arguments = shlex.split(line)
    assert program == PROGRAM
    assert fault_in(broker, arguments) is None
    (seconds,) = unit("Service", "TimeoutStopSec")
    assert int(seconds) >= farewell() + 10


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    file = tmp_path / UNIT.name
    file.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    return file


@needs_systemd
def test_systemd_takes_the_unit(installed: Path) -> None:
    done = analyze("verify", "--man=no", str(installed))
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_little_is_left_open(installed: Path) -> None:
    """In tenths of ten, by systemd's own count: the network, and the machine's file system to read, are left."""
    done = analyze("security", "--offline=true", "--threshold=15", "--no-pager", str(installed))
    assert done.returncode == 0, done.stdout


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
