"""The four verifiers as programs: each reads a token a line and answers with a line."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERIFIERS = ROOT / "verifiers"
_BUILT = ROOT / "var/verifiers"
_JAVA = VERIFIERS / "java/target"


@dataclass(frozen=True)
class Program:
    """A command that exists once `make verifiers` has run where its language is installed."""

    tool: str
    built: Path
    command: tuple[str, ...]

    def missing(self) -> str | None:
        """Why it cannot be run here; None when it can."""
        if shutil.which(self.tool) is None and not Path(self.tool).exists():
            return f"{Path(self.tool).name} is not installed"
        if not self.built.exists():
            return "not built (make verifiers)"
        return None

    def verdicts(self, tokens: list[str], *told: str) -> list[str]:
        """What it says of each token. `told`: issuer, audience, scope, and where the keys are if elsewhere."""
        lines = "".join(f"{token}\n" for token in tokens)
        ended = subprocess.run([*self.command, *told], input=lines, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        said = ended.stdout.splitlines()
        assert len(said) == len(tokens), ended.stderr
        return said


_PYTHON = _BUILT / "bin/python"
PROGRAMS = {
    "python": Program(str(_PYTHON), _BUILT / ".ready", (str(_PYTHON), str(VERIFIERS / "python/example/main.py"))),
    "node": Program("node", VERIFIERS / "node/node_modules/jose", ("node", str(VERIFIERS / "node/main.mjs"))),
    "go": Program("go", _BUILT / "go", (str(_BUILT / "go"),)),
    "java": Program("java", _JAVA / ".ready", ("java", "-cp", f"{_JAVA}/classes:{_JAVA}/dependency/*", "Main")),
}
