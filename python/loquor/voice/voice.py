"""A voice: what the speech encoder made of a recording, to keep, to save, and to speak with."""

from __future__ import annotations

import difflib
import hashlib
import html
import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from .. import _core
from ..audio.picture import bars
from ..audio.recording import is_seekable_binary
from ..base.files import sampled_bytes, write_atomic
from ..base.pipes import Piped
from ..errors import InvalidInputError, ModelError
from .tensor_file import SafetensorsBytes, check_header, is_safetensors

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "VOICE_SUFFIX",
    "Fingerprint",
    "Voice",
    "VoicePrefix",
    "fingerprint_of",
    "is_saved_voice",
    "is_voice_file",
    "named_voice",
    "nearest_name",
    "prefix_fingerprint",
]

VOICE_SUFFIX = ".safetensors"

_Source = TypeVar("_Source")

_FORMAT = "loquor.voice"
_VERSION = 1
_ARRAYS = {
    "audio_features": (np.float32, 2),
    "audio_tokens": (np.int64, 1),
    "speaker_embeddings": (np.float32, 1),
    "speaker_features": (np.float32, 2),
}
_PREFIX = "prefix_kv"
_PREFIX_DTYPES = tuple(_core.kv_dtypes().values())
_LARGEST = float(np.finfo(np.float16).max)  # as the core has it for the arrays
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DTYPE = re.compile(r"[\w.+-]{1,32}")
_MOST_NAME = 255
# Of a file's arrays, before they are read: no voice has so many values, nor any prefix.
_MOST_VALUES, _MOST_PREFIX_VALUES = 1 << 24, 1 << 28


@dataclass(frozen=True)
class Fingerprint:
    """What made a voice: sha256 (hex) of the bundle and of its speech encoder, and the encoder's dtype."""

    bundle: str
    """sha256 (hex) of config.json, tokenizer.json and the sizes at the graphs' boundaries."""
    encoder: str
    """sha256 (hex) of the speech encoder's graph and weights."""
    dtype: str
    """The speech encoder's precision, as "fp32" or "q4"."""

    def __post_init__(self) -> None:
        for name in ("bundle", "encoder"):
            _check_sha256(getattr(self, name), f"a fingerprint's {name}")
        if not isinstance(self.dtype, str) or not _DTYPE.fullmatch(self.dtype):
            raise InvalidInputError(
                f"a fingerprint's dtype must name the precision of the speech encoder, not {self.dtype!r:.99}"
            )

    def __str__(self) -> str:
        return f"bundle {self.bundle[:12]} ({self.dtype} encoder {self.encoder[:12]})"


@dataclass(frozen=True, eq=False, repr=False)
class VoicePrefix:
    """What a language model made of a voice's `audio_features`, so that it need not do it again.

    Raises `InvalidInputError` for another dtype, rank or fingerprint, and for an array that is empty, not
    finite or beyond 65504, the largest float16.
    """

    kv: npt.NDArray[Any]
    """[2 * layers, heads, P, head_dim] of the KV cache's type, read-only: keys, then values, by layer."""
    fingerprint: str
    """sha256 (hex) of the graph as it ran, its weights and its KV cache's type: no other can use `kv`."""

    def __post_init__(self) -> None:
        kv = self.kv
        if not isinstance(kv, np.ndarray) or kv.dtype not in _PREFIX_DTYPES or kv.ndim != 4 or not kv.size:
            seen = f"{getattr(kv, 'dtype', '')} {getattr(kv, 'shape', '')} {type(kv).__name__}".strip()
            raise InvalidInputError(
                f"the prefix of a voice must be {', '.join(_PREFIX_DTYPES)} of rank 4, not empty, not {seen}"
            )
        _check_sha256(self.fingerprint, "a prefix's fingerprint")
        if not -_LARGEST <= kv.min() <= kv.max() <= _LARGEST:  # which NaN is not either
            raise InvalidInputError(
                "the prefix of a voice holds values that are not finite or larger than 65504: "
                "make the voice again"
            )
        kv = np.ascontiguousarray(kv).view()
        kv.setflags(write=False)
        object.__setattr__(self, "kv", kv)

    def __repr__(self) -> str:
        return f"VoicePrefix({self.kv.dtype} {list(self.kv.shape)} of {self.fingerprint[:12]})"


@dataclass(frozen=True, eq=False, repr=False)
class Voice:
    """The four outputs of the speech encoder for one recording, without the batch axis, as read-only copies.

    Raises `InvalidInputError` for what no encoder gives: an array of another dtype or rank, one that is
    empty, endless (over 750 tokens, half a minute), not finite or beyond 65504 (the largest float16), a
    negative token, other than two frames a token, and a prefix of another number of positions.
    """

    audio_features: npt.NDArray[np.float32]
    """float32 [P, H], the start of the language model's prompt."""
    audio_tokens: npt.NDArray[np.int64]
    """int64 [T], 25 a second, the start of the conditional decoder's prompt."""
    speaker_embeddings: npt.NDArray[np.float32]
    """float32 [D], for the conditional decoder."""
    speaker_features: npt.NDArray[np.float32]
    """float32 [2 * T, mels], the mel frames of the same time as `audio_tokens`."""
    fingerprint: Fingerprint
    """Which model made it."""
    name: str = "voice"
    """What it is called, at most 255 characters."""
    prefix: VoicePrefix | None = None
    """What the language model made of `audio_features`, if it was asked for (see `Engine.voice`)."""
    warnings: tuple[str, ...] = ()
    """A sentence each, not saved: what may harm its likeness, of the recording that it was made from; and
    that its prefix is of no use to the engine which gave it."""

    def __post_init__(self) -> None:
        for field, (dtype, rank) in _ARRAYS.items():
            array = _checked(getattr(self, field), field, np.dtype(dtype), rank)
            object.__setattr__(self, field, array)
        _core.VoiceHandle(*(getattr(self, field) for field in _ARRAYS))  # checks all else
        if not isinstance(self.fingerprint, Fingerprint):
            raise InvalidInputError(
                f"a voice's fingerprint must be a Fingerprint, not {type(self.fingerprint).__name__}"
            )
        if not isinstance(self.name, str) or len(self.name) > _MOST_NAME:
            raise InvalidInputError(f"a voice's name must be a str of at most {_MOST_NAME} characters")
        if self.prefix is None:
            return
        if not isinstance(self.prefix, VoicePrefix):
            raise InvalidInputError(
                f"a voice's prefix must be a VoicePrefix or None, not {type(self.prefix).__name__}"
            )
        if self.prefix.kv.shape[2] != len(self.audio_features):
            raise InvalidInputError(
                f"the voice's prefix has {self.prefix.kv.shape[2]} positions, its audio_features "
                f"{len(self.audio_features)}: make the voice again"
            )

    @cached_property
    def identity(self) -> str:
        """sha256 (hex) of its four arrays: which voice it is, whatever it is called."""
        return _sha256(*(getattr(self, name).tobytes() for name in _ARRAYS))

    def __repr__(self) -> str:
        prefix = "" if self.prefix is None else ", with its prefix"
        made_by = self.fingerprint.bundle[:12]
        return f"Voice({self.name!r}, {len(self.audio_tokens)} tokens of bundle {made_by}{prefix})"

    def _repr_html_(self) -> str:
        """Its name, what was said of it, and how loud its recording was, for notebooks; it holds no sound."""
        levels = self.speaker_features.mean(axis=1)
        lines = [
            f"<b>{html.escape(self.name)}</b>, {len(self.audio_tokens) / 25:.1f} s",
            bars(levels - levels.min()),
            *map(html.escape, self.warnings),
        ]
        return f"<div>{'<br>'.join(lines)}</div>"

    def check(self, fingerprint: Fingerprint) -> None:
        """Raise `InvalidInputError` unless an engine with this `fingerprint` can speak with the voice.

        A voice of the same bundle is good, also from its encoder in another precision.
        """
        own = self.fingerprint
        same_model = own.bundle == fingerprint.bundle
        if not same_model or (own.dtype == fingerprint.dtype and own.encoder != fingerprint.encoder):
            raise InvalidInputError(
                f"voice {self.name!r} was made by {own}, but this engine runs {fingerprint}: "
                "make the voice again from its recording"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the voice to a `.safetensors` file, replacing it as a whole, with its prefix if it has one.

        Raises `InvalidInputError` if the suffix is another or the file cannot be written.
        """
        from safetensors.numpy import save

        path = Path(path)
        if not is_voice_file(path):
            raise InvalidInputError(f"cannot save a voice as {path}: the name must end in {VOICE_SUFFIX}")
        own = self.fingerprint
        metadata = {
            "format": _FORMAT,
            "version": str(_VERSION),
            # A name taken from a file's may hold bytes that are not UTF-8.
            "name": self.name.encode(errors="replace").decode(),
            "bundle": own.bundle,
            "encoder": own.encoder,
            "dtype": own.dtype,
        }
        content = {field: getattr(self, field) for field in _ARRAYS}
        if self.prefix is not None:
            content[_PREFIX] = self.prefix.kv
            metadata["prefix"] = self.prefix.fingerprint
        write_atomic(path, save(content, metadata))

    @classmethod
    def load(cls, path: str | os.PathLike[str] | BinaryIO) -> Voice:
        """Read a voice that `save` wrote, from its file or from a seekable binary file object.

        Raises `InvalidInputError` if the file is missing, damaged, no voice, or of a newer version.
        """
        from safetensors import SafetensorError

        if not isinstance(path, (str, os.PathLike)):
            if not is_seekable_binary(path):
                raise InvalidInputError(
                    f"cannot read a voice from {type(path).__name__}: give a path, or a binary file object "
                    "that is seekable"
                )
            name = path.name if isinstance(path, Piped) else "the file object"
        elif not (name := os.fspath(path)):
            raise InvalidInputError("the name of the voice is empty: give a file that Voice.save wrote")
        try:
            with _opened(path) as file:
                metadata = _checked_metadata(file.metadata() or {}, name)
                names = set(file.keys())
                if missing := _ARRAYS.keys() - names:
                    raise InvalidInputError(f"voice {name} lacks {sorted(missing)}: make the voice again")
                for field in (_ARRAYS.keys() | {_PREFIX}) & names:
                    _check_size(field, file.get_slice(field).get_shape(), name)
                arrays = {field: file.get_tensor(field) for field in _ARRAYS}
                kv = file.get_tensor(_PREFIX) if _PREFIX in names else None
        except (SafetensorError, OSError, TypeError, ValueError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(
                f"{name} is damaged or no voice file ({error}): give a file that Voice.save wrote"
            ) from error
        try:
            fingerprint = Fingerprint(metadata["bundle"], metadata["encoder"], metadata["dtype"])
            if kv is None and "prefix" in metadata:
                raise InvalidInputError(f"it names a prefix but lacks {_PREFIX}, make the voice again")
            prefix = None if kv is None else VoicePrefix(kv, metadata.get("prefix", ""))
            return cls(**arrays, fingerprint=fingerprint, name=metadata["name"], prefix=prefix)
        except InvalidInputError as error:
            raise InvalidInputError(f"voice {name} is damaged: {error}") from error


def nearest_name(given: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant, if one is close; capitals make no difference."""
    lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(given.lower(), lower, n=1)
    return lower[close[0]] if close else None


def named_voice(
    source: _Source | None, default: Path | None, voices: Mapping[str, Path], model: str
) -> _Source | Path:
    """Put the file of one of the bundle's own voices in the place of its name, or of None.

    Raises `InvalidInputError` if the bundle has no default voice, or neither it nor the disk has the name.
    """
    if source is None:
        if default is not None:
            return default
        raise InvalidInputError(
            f"{model} brings no voice of its own: give one, as voice='recording.wav' (5 to 15 s "
            "of one speaker)"
        )
    if not isinstance(source, str) or not voices:
        return source
    if source in voices:
        return voices[source]
    if not Path(source).suffix and not Path(source).exists():
        meant = f"did you mean {close!r}? Else " if (close := nearest_name(source, voices)) else ""
        raise InvalidInputError(
            f"there is neither a file {source!r} nor a voice of that name: {meant}give a recording or one of "
            f"{', '.join(voices)}"
        )
    return source


def is_voice_file(path: str | os.PathLike[str]) -> bool:
    """Tell a voice file from a recording: by its suffix alone, which is `.safetensors`."""
    return Path(path).suffix.lower() == VOICE_SUFFIX


def is_saved_voice(source: object) -> bool:
    """Tell a saved voice from a recording: a file by its suffix, a file object by its content."""
    if isinstance(source, (str, os.PathLike)):
        return is_voice_file(source)
    if not is_seekable_binary(source):
        return False
    file: BinaryIO = source  # type: ignore[assignment]
    start, head = file.tell(), file.read(9)
    file.seek(start)
    return is_safetensors(head)


@contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO) -> Iterator[Any]:
    """A voice's file as `safe_open` gives it, which reads no more of it than is asked for."""
    from safetensors import safe_open

    if not isinstance(source, (str, os.PathLike)):
        yield SafetensorsBytes(source.read())
        return
    path = Path(source)
    if not path.is_file():
        raise InvalidInputError(f"cannot read the voice {path}: there is no such file")
    with path.open("rb") as start:
        check_header(start.read(8))
    with safe_open(path, framework="numpy") as file:
        yield file


def fingerprint_of(bundle_dir: Path, encoder_file: Path, dtype: str, contract: str) -> Fingerprint:
    """Return the fingerprint of a bundle folder and of its speech encoder (a `.onnx` file) in `dtype`.

    The bundle's part hashes config.json (which some bundles lack), tokenizer.json and `contract`. The
    encoder's hashes the graph file whole, and of each file that it names for its weights the name, the size
    and 64 evenly spaced blocks of 4 KiB: weights of a gigabyte are told apart in milliseconds. Raises
    `ModelError` if a file is missing or cannot be read.
    """
    config = bundle_dir / "config.json"
    try:
        settings = config if config.exists() else b""
        bundle = _sha256(settings, bundle_dir / "tokenizer.json", contract.encode())
        encoder = _sha256(encoder_file, *_weight_samples(encoder_file))
    except OSError as error:
        raise ModelError(f"cannot read the bundle in {bundle_dir} ({error}): fetch it again") from error
    return Fingerprint(bundle, encoder, dtype)


def prefix_fingerprint(model_file: Path, prepared: Path | None, kv_dtype: str) -> str:
    """Return the fingerprint (sha256, hex) of a language model as it runs, for `VoicePrefix`.

    It hashes the graph in use (the `prepared` one holds what preparation decided), the weights of
    `model_file` as in `fingerprint_of`, and the type of the KV cache. Raises `ModelError`.
    """
    try:
        graph = prepared or model_file
        return _sha256(b"prefix 1", graph, *_weight_samples(model_file), kv_dtype.encode())
    except OSError as error:
        raise ModelError(f"cannot read {model_file} ({error}): fetch it again") from error


def _weight_samples(graph: Path) -> list[bytes]:
    files = _core.weight_files(str(graph))
    return [f"{name} ".encode() + sampled_bytes(Path(files[name])) for name in sorted(files)]


def _sha256(*parts: bytes | Path) -> str:
    digest = hashlib.sha256()
    for part in parts:  # each with its length, so that moving bytes from one to the next shows
        with part.open("rb") if isinstance(part, Path) else io.BytesIO(part) as stream:
            digest.update(stream.seek(0, io.SEEK_END).to_bytes(8, "little"))
            stream.seek(0)
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _checked(array: object, field: str, dtype: np.dtype[Any], rank: int) -> npt.NDArray[Any]:
    advice = "make the voice again"
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != rank or not array.size:
        seen = f"{getattr(array, 'dtype', '')} {getattr(array, 'shape', '')} {type(array).__name__}".strip()
        raise InvalidInputError(
            f"a voice's {field} must be {dtype} of rank {rank}, not empty, not {seen}: {advice}"
        )
    copy = np.array(array, dtype=dtype, order="C")
    copy.setflags(write=False)
    return copy


def _check_sha256(text: object, what: str) -> None:
    if not isinstance(text, str) or not _SHA256.fullmatch(text):
        raise InvalidInputError(f"{what} must be 64 hex digits, not {text!r:.99}")


def _check_size(field: str, shape: list[int], name: str) -> None:
    most = _MOST_PREFIX_VALUES if field == _PREFIX else _MOST_VALUES
    if math.prod(shape) > most:
        raise InvalidInputError(
            f"voice {name} is damaged: its {field} has {math.prod(shape):,} values, more than "
            f"the {most:,} that any voice has: make it again"
        )


def _checked_metadata(metadata: dict[str, str], name: str) -> dict[str, str]:
    if metadata.get("format") != _FORMAT:
        raise InvalidInputError(
            f"{name} is a safetensors file, but no voice: give a file that Voice.save wrote"
        )
    version = metadata.get("version", "")
    if version.isdecimal() and int(version) > _VERSION:
        raise InvalidInputError(
            f"voice {name} has format version {version}, this Loquor reads up to {_VERSION}: upgrade Loquor "
            "or make the voice again"
        )
    missing = {"name", "bundle", "encoder", "dtype"} - metadata.keys()
    if version != str(_VERSION) or missing:
        raise InvalidInputError(
            f"voice {name} is damaged (version {version!r}, metadata lacks {sorted(missing)}): make it again"
        )
    return metadata
