"""The peers by the name under which they are asked for."""

from collections.abc import Mapping

from benchmarks.targets import Target

PEERS: Mapping[str, Target] = {}
