"""What the page for app teams says to type does what it says."""

import asyncio
import os
import shutil

import pytest

from broker.store import client_changes
from tests.documentation import ROOT, Page
from tests.stage import CLIENT_KEY, NATIVE, Stage

PAGE = Page(ROOT / "docs" / "tiktok-tokens.md")


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "jq", "openssl"))), reason="the page's tools are not all installed"
)
async def test_the_lines_of_the_page_bring_our_tokens_and_then_tiktoks(stage: Stage) -> None:
    app = {"redirect_uris": [NATIVE], "token_endpoint_auth_method": "none", "tiktok_tokens": True}
    await stage.database.transact(client_changes.add, "cli_phone", app, None, now=stage.clock())
    lines = "\n".join(
        block for block in PAGE.blocks("sh") if not block.lstrip().startswith(("broker ", "export "))
    )
    for written, here in (
        ("http://localhost:8000", stage.issuer),
        ("http://localhost:8001", stage.simulator),
        ("aw0simulator0key", CLIENT_KEY),
        ("https://app.example.com/tiktok", NATIVE),
    ):
        assert written in lines
        lines = lines.replace(written, here)
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", lines, stdout=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"]}
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    assert '"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"' in printed.decode()
    assert '"display_name": "Ada Moreno"' in printed.decode()
