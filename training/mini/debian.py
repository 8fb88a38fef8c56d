"""The Debian packages the recipe takes its words and its teacher from, fetched into the work folder.

Nothing is installed: packages are downloaded with apt and unpacked under `<work>/sysroot`.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    package: str
    licence: str
    use: str
    evaluation_only: bool = False
    """Nothing of it reaches the training data or the bundle."""


SOURCES = (
    Source(
        "scowl",
        "SCOWL: use, copy, modify, distribute and sell granted without fee, notice kept; parts public domain",
        "English words by how common they are, and proper names: filled into our own sentence patterns",
    ),
    Source(
        "flite1-dev",
        "CMU Flite: use, modify and distribute without restriction or charge, notice and disclaimer kept",
        "headers and static libraries of the teacher",
    ),
    Source("libflite1", "CMU Flite, as above", "voices slt, rms and awb"),
    Source("flite", "CMU Flite, as above", "teacher's sound, reference recordings", evaluation_only=True),
    *(
        Source(package, "GPL-3.0-or-later", "references of another family of voices", evaluation_only=True)
        for package in ("espeak-ng", "espeak-ng-data", "libespeak-ng1")
    ),
    Source("libpcaudio0", "GPL-3.0-or-later", "library of espeak-ng", evaluation_only=True),
    Source("libsonic0", "Apache-2.0", "library of espeak-ng", evaluation_only=True),
)
"""Every outside source. Sentence patterns and evaluation sentences are our own."""


def unpack(work: Path, evaluation: bool = False) -> Path:
    """Download and unpack the training's (or all) packages once; return the folder they were unpacked in."""
    root = work / "sysroot"
    archives = work / "debs"
    archives.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        if source.evaluation_only and not evaluation:
            continue
        if not list(archives.glob(f"{source.package}_*.deb")):
            subprocess.run(["apt-get", "download", "-q", source.package], cwd=archives, check=True)
        [archive] = archives.glob(f"{source.package}_*.deb")
        stamp = root / f".{archive.name}"
        if not stamp.exists():
            subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
            stamp.touch()
    return root
