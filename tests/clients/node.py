"""Runs a script of this folder with Node.js, and is the person whose browser it sends about."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.stage import Stage

HERE = Path(__file__).parent
NODE = shutil.which("node")
INSTALLED = HERE / "node_modules" / ".package-lock.json"


def missing() -> str | None:
    """Why the libraries cannot be driven here; None when they can."""
    if NODE is None:
        return "Node.js is not installed (apt install nodejs npm)"
    if not INSTALLED.exists():
        return "the npm packages are not installed (make clients)"
    return None


async def converse(script: str, task: dict[str, Any], stage: Stage, *, away: str) -> dict[str, Any]:
    """What the script found out. Addresses that begin with `away` are where the browser's journeys end."""
    assert NODE is not None
    browser = await stage.browser()
    process = await asyncio.create_subprocess_exec(
        NODE,
        HERE / script,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            said: dict[str, Any] = task
            while True:
                process.stdin.write(orjson.dumps(said) + b"\n")
                line = await process.stdout.readline()
                assert line, (await process.stderr.read()).decode()
                heard: dict[str, Any] = orjson.loads(line)
                if "done" in heard:
                    found: dict[str, Any] = heard["done"]
                    await process.wait()
                    return found
                said = {"landed": await _journey(browser, heard["visit"], stage, away)}
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _journey(browser: httpx.AsyncClient, address: str, stage: Stage, away: str) -> str:
    while not address.startswith(away):
        if address.startswith(f"{stage.simulator}/"):
            address = await stage.consent(browser, address)
            continue
        response = await browser.get(address)
        assert response.is_redirect, response.text
        address = response.headers["location"]
    return address
