"""A model without an ONNX export, spoken by an installed chatterbox-tts in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..audio.audio import Audio, Metrics
from ..audio.provenance import Provenance
from ..errors import ExecutionError, InvalidInputError, ModelError
from ..text.characters import check_text
from . import torch_worker
from .options import GenerationOptions, resolve_options

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["VARIANTS", "TorchEngine"]

VARIANTS = {
    "english": ("chatterbox.tts", "ChatterboxTTS"),
    "multilingual": ("chatterbox.mtl_tts", "ChatterboxMultilingualTTS"),
    "turbo": ("chatterbox.tts_turbo", "ChatterboxTurboTTS"),
}
"""The module and the class of chatterbox-tts for each form of model."""

_PASSED = {
    "english": ("temperature", "top_p", "min_p", "repetition_penalty", "exaggeration", "cfg_weight"),
    "multilingual": ("temperature", "top_p", "min_p", "repetition_penalty", "exaggeration", "cfg_weight"),
    "turbo": ("temperature", "top_p", "top_k", "repetition_penalty"),
}


class TorchEngine:
    """Speaks through PyTorch; any thread may call it, one at a time is served. Made by `loquor.open_engine`.

    Slow to start and large in memory; nothing is streamed, guarded, or cancelled but by `close`. It marks its
    speech itself where it can; `Audio.provenance` does not know.
    `python` is the interpreter that has chatterbox-tts, this one by default. Raises `ModelError` where that
    is not installed or cannot load the model.
    """

    def __init__(
        self,
        model: str = "",
        *,
        variant: str = "english",
        device: str = "cpu",
        python: str | os.PathLike[str] | None = None,
    ) -> None:
        """Load the `variant`'s published model, or, where `model` is a folder, what lies there."""
        if variant not in VARIANTS:
            raise InvalidInputError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
        self._model, self._variant = model or variant, variant
        self._lock = threading.Lock()
        command = [os.fspath(python or sys.executable), str(Path(torch_worker.__file__))]
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except OSError as error:
            raise InvalidInputError(
                f"cannot start {command[0]} ({error}): give the Python that has chatterbox-tts"
            ) from error
        module, kind = VARIANTS[variant]
        folder = str(Path(model).absolute()) if model and Path(model).is_dir() else None
        try:
            self._ask({"do": "load", "module": module, "kind": kind, "folder": folder, "device": device})
        except ExecutionError as error:
            self.close()
            raise ModelError(
                f"{self._model} cannot be spoken by chatterbox-tts: {error}; pip install chatterbox-tts, or "
                "name the Python that has it"
            ) from error
        except BaseException:
            self.close()
            raise

    def speak(
        self,
        text: str,
        voice: str | os.PathLike[str] | tuple[npt.NDArray[Any], int] | None = None,
        options: GenerationOptions | None = None,
        *,
        language: str | None = None,
    ) -> Audio:
        """Say `text` in the voice of a recording, a file or (samples, sample_rate); None: the model's own.

        Options are those that chatterbox-tts knows; what is None is its default. Raises `InvalidInputError`,
        `ExecutionError` for what it raises, also when its process ends.
        """
        check_text(text)
        if language is not None and self._variant != "multilingual":
            raise InvalidInputError(f"the variant {self._variant} speaks English: leave language out")
        if language is None and self._variant == "multilingual":
            raise InvalidInputError("the variant multilingual has to be told the language, such as de")
        resolve_options(options, {})  # ranges
        wanted = options or GenerationOptions()
        given = {name: getattr(wanted, name) for name in _PASSED[self._variant]}
        arguments = {name: value for name, value in given.items() if value is not None}
        if language is not None:
            arguments["language_id"] = language
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="loquor-") as folder:
            if voice is not None:
                arguments["audio_prompt_path"] = _recording(voice, Path(folder))
            answer, samples = self._ask(
                {"do": "speak", "text": text, "options": arguments, "seed": wanted.seed % 2**63}
            )
        taken, rate = time.perf_counter() - start, answer["rate"]
        seconds = len(samples) / rate
        metrics = Metrics(0, 0, round(seconds * 25), 0.0, 0.0, 0.0, taken, seconds)
        engine = f"loquor/{_core.version()} chatterbox-tts"
        named = Path(self._model).name if Path(self._model).is_dir() else self._model
        return Audio(samples, rate, metrics, provenance=Provenance(named, "recording", engine))

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> TorchEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"TorchEngine({self._model!r}, variant={self._variant!r})"

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], npt.NDArray[np.float32]]:
        with self._lock:
            process = self._process
            if process is None or process.stdin is None or process.stdout is None:
                raise InvalidInputError("this engine was closed")
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
                content = process.stdout.read(answer["bytes"])
                if len(content) != answer["bytes"]:
                    raise EOFError
            except KeyboardInterrupt:  # its answer would be the next one's
                self.close()
                raise
            except (OSError, ValueError, EOFError) as error:
                status = process.poll()
                raise ExecutionError(
                    f"the process of chatterbox-tts ended (status {status}); what it said is on stderr"
                ) from error
        if "error" in answer:
            raise ExecutionError(str(answer["error"]))
        return answer, np.frombuffer(content, "<f4").astype(np.float32)


def _recording(voice: Any, folder: Path) -> str:
    """The path of a recording; samples are written to a file."""
    if isinstance(voice, tuple) and len(voice) == 2:
        import soundfile  # type: ignore[import-untyped]

        from ..audio.recording import open_recording

        with open_recording(voice) as recording:
            blocks = list(recording.blocks)
            if not blocks:
                raise InvalidInputError("the recording holds no sound: give some seconds of one speaker")
            path = folder / "voice.wav"
            soundfile.write(path, np.concatenate(blocks), recording.rate, subtype="FLOAT")
        return str(path)
    if isinstance(voice, (str, os.PathLike)) and Path(voice).is_file():
        return str(Path(voice).absolute())
    raise InvalidInputError(
        f"chatterbox-tts takes a recording as a voice, a file or (samples, sample_rate), not {voice!r:.80}"
    )
