"""What processes cost, as the kernel accounts for it."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the name (proc_pid_stat(5)).
_PARENT = 1
_TIMES = slice(11, 15)
_USER_TIMES = slice(11, 15, 2)
# What goes on by itself, once in a second, is less than this.
_CALM_TICKS = 2
_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process tree in MiB: now, the sum of each process's peak, and the highest of those."""

    now: float
    peak: float
    largest: float


def cpu_seconds(root: int) -> float:
    """CPU time of a process and all below it, those that have ended and were waited for included."""
    return sum(sum(map(int, _stat(pid)[_TIMES])) for pid in _tree(root)) / _TICKS


def user_seconds(root: int) -> float:
    """The part of it that is not the kernel's: without what sending, receiving, reading and writing take there."""
    return sum(sum(map(int, _stat(pid)[_USER_TIMES])) for pid in _tree(root)) / _TICKS


def settle(root: int) -> None:
    """Wait until a process and all below it have hardly anything to do any more, half a minute at most."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    before, now = -1.0, cpu_seconds(root)
    while now - before > _CALM_TICKS / _TICKS and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        before, now = now, cpu_seconds(root)


def memory(root: int) -> Memory:
    """Resident memory of a process and all below it."""
    found = [_status(pid) for pid in _tree(root)]
    peaks = [one["VmHWM"] for one in found]
    return Memory(sum(one["VmRSS"] for one in found), sum(peaks), max(peaks))


def _tree(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdecimal() and (fields := _stat(int(folder.name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(folder.name))
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


def _stat(pid: int) -> list[str]:
    """The fields behind the process's name, which may hold anything; none when the process is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _status(pid: int) -> dict[str, float]:
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return {
        name: int(value.split()[0]) / 1024
        for name, _, value in (line.partition(":") for line in lines)
        if name in ("VmRSS", "VmHWM")
    }
