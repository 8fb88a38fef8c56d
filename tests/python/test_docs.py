"""What the README and the pages of docs/ show runs as it stands, one block after the other."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from epubs import epub
from loquor.cli import _parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BY_HOSTS = {"adapters.md", "cluster.md"}  # whose Python runs in tests/hosts, with the frameworks it is about
NOT_RUN = {
    "bench": "takes a minute, and has tests of its own",
    "download": "needs the hub",
    "eval": "needs a recogniser, and has tests of its own",
    "serve": "serves until it is ended",
    "wyoming": "serves until it is ended",
}
COMMAND = "import sys; from loquor_command import main; sys.exit(main())"
MODELS = {"turbo": "mini"}
"""Stands for a model that is not here, with the same options."""
pytestmark = pytest.mark.skipif(not PAGES[0].exists(), reason="the pages are not beside the tests")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def commands(page: Path) -> list[tuple[list[str], str | None]]:
    """Arguments of each `loquor`, and the file that it reads as its standard input."""
    found = []
    for line in (line for block in blocks(page, "bash") for line in block.replace("\\\n", " ").splitlines()):
        for part in re.split(r"&&|\|", line.partition("  #")[0]):
            words = shlex.split(part)
            if words and Path(words[0]).name == "loquor":
                fed = words[words.index("<") + 1] if "<" in words else None
                found.append((words[1 : words.index("<") if fed else None], fed))
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: np.ndarray[Any, Any]) -> Path:
    """A folder with the files that the pages speak of."""
    for name in ("me.wav", "speech.wav"):
        soundfile.write(tmp_path / name, recording, 24_000)
    (tmp_path / "book.txt").write_text("Chapter One\n\nIt was late.\n", encoding="utf-8")
    epub(tmp_path / "book.epub")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python_pages() -> list[Path]:
    return [page for page in PAGES if page.name not in BY_HOSTS and blocks(page, "python")]


@pytest.mark.parametrize("page", python_pages(), ids=lambda page: page.name)
def test_the_python_runs(page: Path, place: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)
    if page.name == "harnesses.md":
        assert names["samples"].shape == (960 * (len(names["tokens"]) + 3),)
    written = [
        file for file in place.iterdir() if file.suffix in (".wav", ".flac") and file.stat().st_size < 10_000
    ]
    assert not written, "a block wrote no sound"


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_the_commands_run(page: Path, place: Path) -> None:
    for arguments, fed in commands(page):
        _parser(arguments).parse_args(arguments)
        its_own = [MODELS.get(word, word) for word in arguments]
        if arguments[0] in NOT_RUN or "multilingual" in arguments:
            continue
        if "m4b" in " ".join(its_own):
            pytest.importorskip("av")
        text = (place / fed).read_bytes() if fed else b"It is late.\n"
        done = subprocess.run([sys.executable, "-c", COMMAND, *its_own], input=text, capture_output=True)
        assert done.returncode == 0, (its_own, done.stderr.decode())
        for flag in ("-o", "--srt"):
            written = its_own[its_own.index(flag) + 1] if flag in its_own else "-"
            assert written == "-" or (place / written).exists(), its_own


def test_the_site_has_every_page() -> None:
    yaml = pytest.importorskip("yaml")
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    named = set(re.findall(r"(?<![./\w])[\w-]+\.md", str(nav)))  # those of C: test_c_reference.py
    made = {
        "python.md",
        "commands.md",
        "model-card.md",
        "README.md",
    }  # by scripts/docs_hooks.py, and the list of ADRs
    assert named - made == {page.name for page in PAGES[1:]}
