"""Content credentials (C2PA): a signed claim inside a file that a machine made its sound.

By c2pa-python (`loquor[c2pa]`), without a network: no time stamp is asked for. It signs WAV, FLAC and MP3.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _core
from ..base.files import write_atomic
from ..errors import InvalidInputError
from .provenance import provenance_in

__all__ = ["ALGORITHMS", "Credentials", "credentials_in", "sign_file"]

ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
_KINDS = {".wav": "audio/wav", ".flac": "audio/flac", ".mp3": "audio/mpeg"}
_MADE_BY_MACHINE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@dataclass(frozen=True)
class Credentials:
    """What a file's content credentials say."""

    state: str
    """What the library makes of them: "Trusted", "Valid" (whole, by a signer nobody vouches for) or
    "Invalid"."""
    signer: str
    """Whom the certificate names."""
    ai_generated: bool
    """Whether they claim that a machine made it."""


def sign_file(
    file: str | os.PathLike[str],
    certificates: str | os.PathLike[str],
    key: str | os.PathLike[str],
    *,
    algorithm: str = "es256",
) -> None:
    """Sign, in place, that a file of speech was made by a machine, and what its tags say.

    `certificates` is a PEM file, the signer's first and those above it; `key` its private key (PKCS 8). The
    sound stays as it is, and the file is replaced as a whole. Raises `InvalidInputError` for another format,
    and what cannot be read or signed.
    """
    c2pa, path = _library(), Path(file)
    if algorithm not in ALGORITHMS:
        raise InvalidInputError(f"algorithm must be one of {', '.join(ALGORITHMS)}, not {algorithm!r}")
    signed = io.BytesIO()
    try:
        given = c2pa.C2paSignerInfo(
            alg=algorithm.encode(),
            sign_cert=Path(certificates).read_bytes(),
            private_key=Path(key).read_bytes(),
            ta_url=None,
        )
        content = io.BytesIO(path.read_bytes())
        with c2pa.Signer.from_info(given) as signer, c2pa.Builder(json.dumps(_claim(path))) as builder:
            builder.sign(signer, _kind_of(path), content, signed)
    except (OSError, c2pa.C2paError) as error:
        raise InvalidInputError(
            f"cannot sign {path} ({error}): look at the certificates and the key"
        ) from error
    write_atomic(path, signed.getvalue())


def credentials_in(file: str | os.PathLike[str]) -> Credentials | None:
    """Return what a file's credentials say; None where it has none, or `loquor[c2pa]` is not installed."""
    path = Path(file)
    try:
        c2pa, kind = _library(), _kind_of(path)
        with path.open("rb") as content, c2pa.Reader(kind, content) as reader:
            found = json.loads(reader.json())
    except (InvalidInputError, OSError):
        return None
    except c2pa.C2paError:  # there are none, or they cannot be read
        return None
    manifest: dict[str, Any] = found.get("manifests", {}).get(found.get("active_manifest"), {})
    names = manifest.get("signature_info", {})
    signer = str(names.get("common_name") or names.get("issuer") or "unknown")
    return Credentials(str(found.get("validation_state")), signer, _MADE_BY_MACHINE in json.dumps(manifest))


def _claim(path: Path) -> dict[str, Any]:
    made: dict[str, Any] = {"action": "c2pa.created", "digitalSourceType": _MADE_BY_MACHINE}
    if (provenance := provenance_in(path)) is not None:
        made["description"] = str(provenance)
    return {
        "claim_generator_info": [{"name": "loquor", "version": _core.version()}],
        "title": path.name,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [made]}}],
    }


def _kind_of(path: Path) -> str:
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise InvalidInputError(f"cannot sign {path}: credentials go into {', '.join(_KINDS)}")
    return kind


def _library() -> Any:
    try:
        import c2pa  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise InvalidInputError("content credentials take c2pa-python: pip install 'loquor[c2pa]'") from None
    return c2pa
