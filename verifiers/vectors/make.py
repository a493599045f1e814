"""Writes the vectors anew: `python verifiers/vectors/make.py`. A test holds the files to what this makes."""

import json
from dataclasses import asdict

import attacks
from minting import HERE, public


def files() -> dict[str, str]:
    """What each file should hold, by its name."""
    content = {
        "issuer": attacks.ISSUER,
        "audience": attacks.AUDIENCE,
        "scope": attacks.SCOPE,
        "jwks": {"keys": [public(name) for name in attacks.PUBLISHED]},
        "tokens": [asdict(vector) for vector in attacks.vectors()],
    }
    return {"access_tokens.json": json.dumps(content, indent=2, ensure_ascii=False) + "\n"}


if __name__ == "__main__":
    for name, content in files().items():
        (HERE / name).write_text(content)
