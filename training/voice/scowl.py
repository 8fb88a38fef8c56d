"""SCOWL's word lists, from the Debian package, which is fetched into the work folder and not installed.

Use, copying, changes, distribution and sale are granted without fee, the notice kept; parts are in the public
domain.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PACKAGE = "scowl"
TIERS = ("10", "20", "35", "40", "50")


def unpack(work: Path) -> Path:
    """Download the package with apt and unpack it once, under `<work>/sysroot`; return the lists' folder."""
    root, archives = work / "sysroot", work / "debs"
    archives.mkdir(parents=True, exist_ok=True)
    if not list(archives.glob(f"{PACKAGE}_*.deb")):
        subprocess.run(["apt-get", "download", "-q", PACKAGE], cwd=archives, check=True)
    [archive] = archives.glob(f"{PACKAGE}_*.deb")
    stamp = root / f".{archive.name}"
    if not stamp.exists():
        subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
        stamp.touch()
    return root / "usr/share/dict/scowl"


def read_scowl(folder: Path) -> dict[str, list[str]]:
    """{tier: plain lower-case words} plus 'names', sorted, from SCOWL's english and american lists."""

    def words(kind: str, tier: str) -> list[str]:
        found: set[str] = set()
        for dialect in ("english", "american"):
            path = folder / f"{dialect}-{kind}.{tier}"
            if path.is_file():
                found.update(path.read_text("latin-1").lower().split())
        return sorted(w for w in found if re.fullmatch(r"[a-z]+('[a-z]+)?", w) and 1 < len(w) < 18)

    # SCOWL lists a possessive of nearly every noun: the common ones are enough to learn them
    tiers = {
        t: sorted(
            {w for w in words("words", t) if t == "10" or not w.endswith("'s")} | {*words("contractions", t)}
        )
        for t in TIERS
    }
    return tiers | {"names": words("proper-names", "50")}
