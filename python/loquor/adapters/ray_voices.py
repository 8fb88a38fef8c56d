"""Voices on their way to the workers of a Ray cluster: made once, wherever they then speak."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import ray
from ray.exceptions import RayTaskError

from ..errors import InvalidInputError
from ..speech.engine import Engine
from ..voice.voice import Voice, is_voice_file

__all__ = ["ClusterVoice", "identity_of", "made_voices", "worker_threads"]

ClusterVoice: TypeAlias = Voice | str | os.PathLike[str] | None
"""A voice, a file of this machine (a recording or a saved voice), the name of one that the model brings, or
None for its default one."""


def made_voices(
    model: str, engine: Mapping[str, Any], sources: Mapping[str, ClusterVoice], cpus: float, gpus: float
) -> dict[str, Voice | str | None]:
    """Make voices of the recordings among `sources`, all in one task of the cluster with an engine there.

    Saved voices are read; names, and None, are left to each worker's engine. Raises `InvalidInputError` for
    a file that cannot be read, and what `Engine` and `Engine.voice` do.
    """
    made: dict[str, Voice | str | None] = {}
    recordings: dict[str, bytes] = {}
    for name, source in sources.items():
        if source is None or isinstance(source, Voice):
            made[name] = source
        elif (file := _file_of(source)) is None:
            made[name] = str(source)
        elif is_voice_file(file):
            made[name] = Voice.load(file)
        else:
            recordings[name] = _content(file)
    if recordings:
        task = ray.remote(_encode).options(num_cpus=cpus, num_gpus=gpus)
        try:
            made |= ray.get(task.remote(model, dict(engine), recordings))
        except RayTaskError as error:
            raise error.cause from None
    return made


def identity_of(source: ClusterVoice) -> str:
    """Which voice it is: the same for the same recording, wherever and whenever a voice is made of it."""
    if isinstance(source, Voice):
        return source.identity
    file = None if source is None else _file_of(source)
    return str(source) if file is None else hashlib.sha256(_content(file)).hexdigest()


def worker_threads(engine: Mapping[str, Any], cpus: float) -> dict[str, Any]:
    """The keywords of a worker's engine, which takes no more threads than it was given processors."""
    return {"threads": max(1, int(cpus))} | dict(engine)


def _encode(model: str, engine: dict[str, Any], recordings: dict[str, bytes]) -> dict[str, Voice]:
    with Engine(model, **engine) as opened:
        return {name: opened.voice(io.BytesIO(content)) for name, content in recordings.items()}


def _file_of(source: object) -> Path | None:
    """The file that is meant, or None for the name of a voice that the model brings."""
    if not isinstance(source, (str, os.PathLike)):
        raise InvalidInputError(
            f"a voice must be a loquor.Voice, a file or a name, not {type(source).__name__}: make a voice of "
            "it by Engine.voice"
        )
    path = Path(source)
    return path if isinstance(source, os.PathLike) or path.suffix or path.is_file() else None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read the voice {file} ({error}): give a recording") from error
