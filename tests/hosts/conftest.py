"""Tests in a folder of `build/hosts`, with the hosts of adapters: `test_adapters.py` starts them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loquor import Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The built-in voice, with room for two requests."""
    with Engine(slots=2) as opened:
        yield opened


@pytest.fixture
def at_rest(engine: Engine) -> Iterator[None]:
    """Afterwards nothing is made any more."""
    yield
    asyncio.run(rest(engine))


async def rest(engine: Engine) -> None:
    """Return once nothing is being made. Raises `TimeoutError` after a second: a step takes milliseconds."""
    for _ in range(100):
        if not [each for each in made_by(engine) if not each.made]:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("speech is still made that nobody hears")


def example(name: str, page_name: str = "adapters.md", port: int = 8000) -> Any:
    """The block of that page of docs/ which imports the adapter, compiled; `port` stands for 8000 there."""
    page = Path(__file__).parents[2] / "docs" / page_name
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (block,) = (block for block in blocks if f"adapters.{name} " in block)
    return compile(block.replace(":8000", f":{port}"), str(page), "exec")


def made_by(engine: Engine) -> list[Any]:
    """The requests of an engine that are kept by somebody."""
    return [each for each in engine._under_way if hasattr(each, "made")]
