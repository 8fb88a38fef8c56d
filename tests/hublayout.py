"""A bundle as the hub's library lays it into its cache: links to blobs, of the repository's own or shared."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "models--someone--tiny-ONNX"
LAYOUTS = ("own", "weights shared", "all shared")


def lay_out(bundle: Path, cache: Path, layout: str, repository: str = REPOSITORY) -> Path:
    """Copy a bundle folder into a hub's cache folder and return the snapshot.

    "own" keeps all blobs in the repository, "weights shared" moves external weights to the cache's shared
    store, as the library does since 2.0 with what came by Xet, "all shared" the graphs too.
    """
    snapshot, blobs = cache / repository / "snapshots" / COMMIT, cache / repository / "blobs"
    blobs.mkdir(parents=True)
    for file in sorted(path for path in bundle.rglob("*") if path.is_file()):
        link = snapshot / file.relative_to(bundle)
        link.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes()
        blob = blobs / hashlib.sha256(content).hexdigest()
        if not blob.exists():
            shutil.copyfile(file, blob)
            if layout != "own" and (file.name.endswith("_data") or layout == "all shared"):
                share(blob, cache)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


def share(blob: Path, cache: Path) -> Path:
    """Move a repository's blob to the shared store by the hub library's own function; return its place."""
    shared = pytest.importorskip("huggingface_hub.utils._shared_blobs", reason="huggingface_hub < 2.0")
    # A stand-in for Xet's hash, which is another function of the content.
    name = hashlib.sha256(b"xet" + blob.read_bytes()).hexdigest()
    size = blob.stat().st_size
    assert shared.publish_blob_to_shared_store(
        blob_path=str(blob), xet_hash=name, cache_dir=cache, expected_size=size
    )
    assert blob.is_symlink()
    return blob.resolve()
