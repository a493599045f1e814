"""Writes the vectors anew: `python verifiers/vectors/make.py`. A test holds the files to what this makes."""

import json
from dataclasses import asdict

import attacks
from attacks import Vector
from bent import bent
from minting import HERE, public
from misplaced import misplaced


def vectors() -> list[Vector]:
    """All of them."""
    kinds = (attacks.good(), attacks.forged(), bent(), attacks.of_another_kind(), misplaced())
    return [vector for kind in kinds for vector in kind]


def files() -> dict[str, str]:
    """What each file should hold, by its name."""
    content = {
        "issuer": attacks.ISSUER,
        "audience": attacks.AUDIENCE,
        "scope": attacks.SCOPE,
        "jwks": {"keys": [public(name) for name in attacks.PUBLISHED]},
        "tokens": [asdict(vector) for vector in vectors()],
    }
    return {"access_tokens.json": json.dumps(content, indent=2, ensure_ascii=False) + "\n"}


if __name__ == "__main__":
    for name, content in files().items():
        (HERE / name).write_text(content)
