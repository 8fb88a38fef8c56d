"""What the site has and docs/ does not: sound, help of commands, Python's classes, C, the voice's card."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import c_reference

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = {
    "woman": ("woman", "Hello there. I was made without a microphone, and I run on your processor."),
    "man": ("man", "At a quarter past nine, the train to Geneva leaves from platform four."),
    "emma": ("emma", "It rained all morning, so we stayed in, read the paper and talked."),
    "george": ("george", "Would you rather go by sea, or wait until the road is open again?"),
    "tags": ("woman", "Is that so? [chuckle] Well, I did not know."),
}
"""What is spoken, by the sample's name: the built-in model's voice, and the text."""
FIRST = ("Engine", "Voice", "Audio", "GenerationOptions", "Stream", "Session")


def on_files(files: Files, config: Any) -> Files:
    for name, content in _samples().items():
        files.append(File.generated(config, f"sounds/{name}.mp3", content=content))
    files.append(File.generated(config, "commands.md", content=_commands()))
    files.append(File.generated(config, "python.md", content=_python()))
    for name, content in c_reference.pages().items():
        files.append(File.generated(config, f"c/{name}", content=content))
    card = (ROOT / "python/loquor/mini/MODEL_CARD.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "model-card.md", content=card))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Name files outside docs/ without a link: on the site they lead nowhere."""
    del page
    return re.sub(
        r"\[([^]\n]+)\]\((?:\.\./)+(?:csrc|tests|benchmarks|python|scripts)[^)\s]*\)", r"\1", markdown
    )


def _samples() -> dict[str, bytes]:
    import loquor

    sounds = {}
    with loquor.Engine("mini") as engine:
        for name, (voice, text) in SAMPLES.items():
            file = io.BytesIO()
            engine.speak(text, voice, loquor.GenerationOptions(seed=1)).save(file, format="mp3")
            sounds[name] = file.getvalue()
    return sounds


def _commands() -> str:
    from loquor.cli import _COMMANDS, _parser

    parts = ["# Commands\n\nAs `loquor COMMAND --help` tells.\n"]
    for name, (_, sentence) in _COMMANDS.items():
        choices: Any = _parser([name])._subparsers._group_actions[0].choices  # type: ignore[union-attr]
        help_text = choices[name].format_help()
        parts.append(f"## loquor {name}\n\n{sentence[0].upper()}{sentence[1:]}.\n\n```text\n{help_text}```\n")
    return "\n".join(parts)


def _python() -> str:
    import loquor

    rest = sorted(name for name in loquor.__all__ if name not in FIRST and not name.startswith("_"))
    parts = ["# Python\n"]
    for name in (*FIRST, *rest):
        home = loquor._HOMES.get(name)
        parts.append(f"::: loquor.{home}.{name}\n" if home else f"::: loquor.{name}\n")
    return "\n".join(parts)
