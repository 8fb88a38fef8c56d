"""An editor shows a sentence on every field of every public dataclass: the string below it in the source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from itertools import pairwise

import pytest

import loquor
from loquor.bundle.catalog import BundleFile, CatalogEntry
from loquor.prepare import PreparedGraph
from loquor.speech.memory import Memory
from loquor.voice.voice import Fingerprint, Voice, VoicePrefix

PUBLIC = {value for value in (getattr(loquor, name) for name in loquor.__all__) if inspect.isclass(value)}
REACHED = {BundleFile, CatalogEntry, Fingerprint, Memory, PreparedGraph, Voice, VoicePrefix}
"""What public names give or take."""
DATACLASSES = sorted(filter(dataclasses.is_dataclass, PUBLIC | REACHED), key=lambda kind: kind.__name__)


def sentences(kind: type) -> dict[str, str]:
    """{field: the string below it}."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    found = {}
    for line, below in pairwise(body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            text = below.value if isinstance(below, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[line.target.id] = inspect.cleandoc(text.value)
    return found


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_every_field_has_a_sentence(kind: type) -> None:
    told = sentences(kind)
    fields = [field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")]
    assert [name for name in fields if not told.get(name, "").endswith(".")] == []


def test_the_test_sees_a_field_without() -> None:
    @dataclasses.dataclass
    class Half:
        one: int = 0
        """The first of two."""
        two: int = 0

    assert sentences(Half) == {"one": "The first of two."}
    assert {kind.__name__ for kind in DATACLASSES} >= {"Audio", "Capabilities", "GenerationOptions", "Mark"}
