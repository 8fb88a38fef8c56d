"""Ray Data: a table of texts becomes a folder of sound, on as many workers as the cluster has."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import ray
import ray.data

from ..audio.audio import FORMATS
from ..errors import InvalidInputError, LoquorError, RequestCancelledError
from ..speech.engine import Engine
from ..speech.long_text import speakable
from ..speech.options import GenerationOptions, resolve_options
from .ray_voices import ClusterVoice, identity_of, made_voices, worker_threads

if TYPE_CHECKING:
    from ..voice.voice import Voice

__all__ = ["speak_table"]

_log = logging.getLogger("loquor")

_UNHEARD = frozenset(
    ("batching", "device", "keep_encoder", "max_queue", "own_operators", "prefix_cache_bytes", "prepare",
     "provider_options", "realtime", "sampling", "slots", "threads")
)  # fmt: skip
"""Keywords of an engine that say where and how fast it works: not of which speech."""
_STEM = 80
"""Characters of a row's name that its file's name begins with."""


def speak_table(
    table: ray.data.Dataset,
    folder: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] = "mini",
    voice: ClusterVoice | Mapping[str, ClusterVoice] = None,
    options: GenerationOptions | None = None,
    language: str | None = None,
    text: str = "text",
    name: str = "id",
    speaker: str = "speaker",
    format: str = "wav",
    engine: Mapping[str, Any] | None = None,
    workers: int | tuple[int, int] = 1,
    cpus: float = 1,
    gpus: float = 0,
    rows: int = 16,
) -> ray.data.Dataset:
    """Say each row of `table` into a file of `folder`; return a row for each, lazily, as Ray Data does.

    `text` is the column that is spoken (of any length) and `name` the one that files are named by: the result
    has it too, `path`, `seconds`, `made` (False: the file was there), `warnings`, and `error`: a sentence for
    a row that could not be spoken, which has no path then, else null. Rows come in no order.

    `folder` is one that all workers share. A file appears whole, and its name ends in a digest of the row and
    of all that is heard in it: whoever runs the same again, after whatever ended it, has the rest spoken; an
    edited row is another file. `voice` is one for all rows, or several by the names that are in the column
    `speaker`; a recording becomes a voice once, in the cluster. `options` and `language` are as in
    `Engine.speak_long`.

    There are `workers` of them, or from so many to so many, with `cpus` and `gpus` each and an engine of its
    own, by the keywords `engine`. It speaks as many rows at once as it has slots, and takes `rows` at a time:
    so many are looked at again where a worker is lost. The tasks that read the table take a processor too,
    which the workers must leave.

    Raises `InvalidInputError` for what is wrong before the first row, and `Engine`'s errors where a voice is
    made of a recording. What a worker raises later (a full disk, a model that is not there) is Ray's
    `RayTaskError` with it in it.
    """
    if not isinstance(table, ray.data.Dataset):
        raise InvalidInputError(f"table must be a ray.data.Dataset, not {type(table).__name__}")
    if format not in FORMATS:
        raise InvalidInputError(f"cannot save audio as {format!r}: choose one of {', '.join(FORMATS)}")
    resolve_options(options, {})
    _check_counts(workers, rows)
    several = isinstance(voice, Mapping)
    sources: Mapping[str, ClusterVoice] = dict(voice) if isinstance(voice, Mapping) else {"": voice}
    columns = (text, name, speaker) if several else (text, name)
    known = table.columns()
    if known is not None and (missing := [column for column in columns if column not in known]):
        raise InvalidInputError(
            f"the table has no column {missing[0]!r}: it has {', '.join(known)}, name the ones to use"
        )
    if name in _COLUMNS:
        raise InvalidInputError(
            f"the result has a column {name!r} of its own: rename the table's, which names files"
        )
    place = _made_folder(folder)
    bundle = os.fspath(Path(model).absolute() if isinstance(model, os.PathLike) else model)
    given = worker_threads(engine or {}, cpus)
    heard = {key: value for key, value in given.items() if key not in _UNHEARD}
    chosen = None if options is None else dataclasses.asdict(options)
    identities = {each: identity_of(source) for each, source in sources.items()}
    recipe = _Recipe(
        bundle,
        given,
        ray.put(made_voices(bundle, given, sources, cpus, gpus)),
        {each: _digest(bundle, heard, identities[each], chosen, language) for each in sources},
        options,
        language,
        place,
        format,
        text,
        name,
        speaker if several else None,
    )
    least, most = workers if isinstance(workers, tuple) else (workers, workers)
    if cpus * least >= (all_cpus := ray.cluster_resources().get("CPU", 0)):
        _log.warning(
            "%d workers with %g CPUs each take all %g of this cluster, and whoever reads the table waits for "
            "one: unless the cluster grows, give less",
            least,
            cpus,
            all_cpus,
        )
    return (
        table.select_columns(list(dict.fromkeys(columns)))
        .repartition(target_num_rows_per_block=rows)  # of one block, only one worker would have work
        .map_batches(
            _Worker,
            fn_constructor_args=(recipe,),
            batch_size=rows,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(
                min_size=least, max_size=most, max_tasks_in_flight_per_actor=2
            ),
            num_cpus=cpus,
            num_gpus=gpus or None,
        )
    )


@dataclass(frozen=True)
class _Recipe:
    """What all workers are told."""

    model: str
    engine: Mapping[str, Any]
    voices: Any
    """A reference to them, by the names that rows give; "" for one that is all rows'."""
    digests: Mapping[str, str]
    """By the same names, of all that is heard beside a row's own text."""
    options: GenerationOptions | None
    language: str | None
    folder: Path
    format: str
    text: str
    name: str
    speaker: str | None


class _Worker:
    """One engine, in an actor of Ray's."""

    def __init__(self, recipe: _Recipe) -> None:
        self._recipe = recipe
        self._engine = Engine(recipe.model, **recipe.engine)
        voices: dict[str, Voice | str | None] = ray.get(recipe.voices)
        self._voices = {name: self._engine.voice(voice) for name, voice in voices.items()}
        slots = self._engine.capabilities.slots
        self._threads = ThreadPoolExecutor(slots, "loquor rows")

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        names = batch.column(self._recipe.name)
        made = list(self._threads.map(self._row, batch.to_pylist()))
        columns = {self._recipe.name: names}
        for field in dataclasses.fields(_Made):
            values = [getattr(each, field.name) for each in made]
            columns[field.name] = pyarrow.array(values, _COLUMNS[field.name])
        return pyarrow.table(columns)

    def _row(self, row: Mapping[str, Any]) -> _Made:
        recipe, text, name = self._recipe, row[self._recipe.text], row[self._recipe.name]
        speaker = "" if recipe.speaker is None else row[recipe.speaker]
        if speaker not in self._voices:
            known = ", ".join(recipe.digests)
            return _Made(error=f"there is no voice for the speaker {speaker!r:.80}: choose of {known}")
        path = recipe.folder / _file_name(name, _digest(recipe.digests[speaker], name, text), recipe.format)
        if (seconds := _seconds_of(path)) is not None:
            return _Made(str(path), seconds)
        if isinstance(text, str) and not speakable(text):  # at which a model would guess
            return _Made(error="there is no letter and no digit in this text")
        try:
            speech = self._engine.speak_long(
                text, self._voices[speaker], recipe.options, language=recipe.language
            )
            audio = speech.collect()
        except RequestCancelledError:  # this worker ends, another one will say it
            raise
        except LoquorError as error:
            return _Made(error=str(error))
        audio.save(path)
        return _Made(str(path), audio.seconds, True, list(audio.warnings))


@dataclass(frozen=True)
class _Made:
    """What became of a row."""

    path: str | None = None
    seconds: float | None = None
    made: bool = False
    warnings: list[str] = dataclasses.field(default_factory=list)
    error: str | None = None


_COLUMNS = {
    "path": pyarrow.string(),
    "seconds": pyarrow.float64(),
    "made": pyarrow.bool_(),
    "warnings": pyarrow.list_(pyarrow.string()),
    "error": pyarrow.string(),
}


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _file_name(name: object, digest: str, format: str) -> str:
    stem = re.sub(r"[^\w-]+", "_", str(name), flags=re.ASCII)[:_STEM]
    return f"{stem}.{digest[:16]}.{format}"


def _seconds_of(path: Path) -> float | None:
    """How long the speech in a file is; None where there is none, or none whole, as after a power cut."""
    import soundfile  # type: ignore[import-untyped]

    if not path.is_file():
        return None
    try:
        return float(soundfile.info(path).duration)
    except soundfile.SoundFileError:
        return None


def _made_folder(folder: str | os.PathLike[str]) -> Path:
    if "://" in os.fspath(folder):
        raise InvalidInputError(
            f"cannot write to {os.fspath(folder)}: give a folder that all workers have mounted"
        )
    place = Path(folder).absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"cannot make the folder {place} ({error}): choose another") from error
    return place


def _check_counts(workers: object, rows: object) -> None:
    least, most = workers if isinstance(workers, tuple) and len(workers) == 2 else (workers, workers)
    whole = all(isinstance(each, int) and not isinstance(each, bool) for each in (least, most, rows))
    if not whole or not 1 <= least <= most or rows < 1:  # type: ignore[operator]
        raise InvalidInputError(
            f"workers must be a number from 1 on, or a tuple (least, most), and rows a number from 1 on, not "
            f"{workers!r} and {rows!r}"
        )
