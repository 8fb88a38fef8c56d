"""The folder of rewritten graphs: what is cleared from it, and whose it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loquor.cli import main
from loquor.prepare import PreparedGraph, prepare_bundle, storage
from tinyhub import environment

BundleOf = Callable[..., Path]

posix = pytest.mark.skipif(os.name == "nt", reason="users, modes and signals as POSIX has them")


def prepare(bundle: Path, dtype: str = "fp32", **options: bool) -> PreparedGraph:
    return prepare_bundle(bundle, dtype, threads=1, **options)["language_model"]


@posix
def test_the_folder_above_counts_unless_only_owners_may_move_what_it_holds(
    bundle_of: BundleOf, fresh_cache: Path
) -> None:
    assert prepare(bundle_of()).state == "prepared"
    above = fresh_cache.parent
    above.chmod(0o777)
    refused = prepare(bundle_of())
    assert refused.state == "refused" and str(above) in refused.reason and "0777" in refused.reason
    above.chmod(0o1777)
    assert prepare(bundle_of()).state == "prepared"


# --- What nobody needs any more ---


def age(path: Path, days: float) -> Path:
    path.touch()
    os.utime(path, (time.time() - 86_400 * days,) * 2)
    return path


def test_what_killed_processes_left_is_cleared(bundle_of: BundleOf, fresh_cache: Path) -> None:
    prepare(bundle_of())
    names = (".0123456789abcdef.tmp", ".0123456789abcdef-7f00.onnx", f"language_model-{'0' * 32}.onnx")
    old = [age(fresh_cache / name, 1.1) for name in names]
    fresh = [age(fresh_cache / f".1{name}", 0.9) for name in names[:2]]
    others = [age(fresh_cache / name, 100) for name in ("notes.txt", "mine.onnx", ".hidden")]

    prepare(bundle_of(), force=True)

    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in (*fresh, *others))


def test_old_versions_are_cleared_unless_they_are_used(
    bundle_of: BundleOf, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entry(version: int) -> Path:
        monkeypatch.setattr("loquor.prepare.VERSION", version)
        file = prepare(bundle_of()).file
        assert file is not None
        return file

    old, used, other = entry(1_000_001), entry(1_000_002), entry(1_000_003)
    for path in (old, used):
        age(path, 2)
        age(path.with_suffix(".json"), 2)
    content = json.loads(other.with_suffix(".json").read_text())
    other.with_suffix(".json").write_text(json.dumps({**content, "source": "/another/bundle"}))
    age(other.with_suffix(".json"), 29)
    assert entry(1_000_002) == used  # which marks it

    entry(1_000_004)

    assert not old.exists() and not old.with_suffix(".json").exists()
    assert used.exists() and used.with_suffix(".json").exists() and other.exists()
    age(other.with_suffix(".json"), 31)
    age(other, 31)
    entry(1_000_005)
    assert not other.exists() and not other.with_suffix(".json").exists()


@posix
def test_killed_preparations_leave_what_the_next_one_clears(bundle_of: BundleOf, fresh_cache: Path) -> None:
    code = (
        "import os, signal\n"
        "from loquor.prepare import storage\n"
        "with storage.temporary(b'a graph'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment(), check=False, timeout=120)
    left = list(fresh_cache.iterdir())
    assert len(left) == 2  # by names that two processes cannot share
    for path in left:
        age(path, 2)
    prepare(bundle_of())
    assert not any(path.exists() for path in left)


# --- Whose folder it is ---


@posix
def test_what_is_made_is_private(
    bundle_of: BundleOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOQUOR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a" / "b"))
    before = os.umask(0)
    try:
        file = prepare(bundle_of()).file
    finally:
        os.umask(before)
    assert file is not None and file.parent == tmp_path / "a/b/loquor/prepared"
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in list(file.parents)[:4]} == {0o700}


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_that_others_can_write_is_not_trusted(
    bundle_of: BundleOf, fresh_cache: Path, capsys: pytest.CaptureFixture[str], mode: int
) -> None:
    assert prepare(bundle_of()).state == "prepared"
    fresh_cache.chmod(mode)
    for _ in range(2):
        refused = prepare(bundle_of())
        assert refused.state == "refused" and refused.file is None
        assert f"{mode:04o}" in refused.reason and "chmod go-w" in refused.reason
        assert "LOQUOR_CACHE" in refused.reason and str(fresh_cache) in refused.reason
    capsys.readouterr()
    assert main(["prepare", str(bundle_of())]) == 1
    err = capsys.readouterr().err
    assert "chmod" in err and err.count("are used as published, not prepared") == 1
    fresh_cache.chmod(0o755)
    assert prepare(bundle_of()).cached


@posix
@pytest.mark.parametrize("ending", [".onnx", ".json"])
def test_a_file_that_others_can_write_is_not_trusted(
    bundle_of: BundleOf, fresh_cache: Path, ending: str
) -> None:
    file = prepare(bundle_of()).file
    assert file is not None
    file.with_suffix(ending).chmod(0o666)
    refused = prepare(bundle_of())
    assert refused.state == "refused" and "others may write to it (mode 0666)" in refused.reason
    assert prepare(bundle_of(), force=True).state == "prepared"  # a new file, of this user's
    assert prepare(bundle_of()).cached


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_others_is_not_trusted(bundle_of: BundleOf, fresh_cache: Path) -> None:
    file = prepare(bundle_of()).file
    assert file is not None
    os.chown(file, 12345, -1)
    assert "belongs to the user 12345" in prepare(bundle_of()).reason
    os.chown(file, 0, -1)
    assert prepare(bundle_of()).cached
    os.chown(fresh_cache, 12345, -1)
    reason = prepare(bundle_of()).reason
    assert "belongs to the user 12345; remove it, or name another folder" in reason and "chmod" not in reason


@posix
def test_root_may_prepare_for_others(
    bundle_of: BundleOf, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image is built by root and run by somebody else, who trusts root with everything anyway."""
    assert prepare(bundle_of()).state == "prepared"
    real = os.geteuid()
    monkeypatch.setattr(storage.os, "geteuid", lambda: real + 1)
    assert prepare(bundle_of()).state == ("prepared" if real == 0 else "refused")
