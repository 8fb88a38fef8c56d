"""What users may rely on, frozen: a change here is a change of the interface, to be made on purpose."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import loquor
from loquor import (
    Audio,
    Bookmark,
    Capabilities,
    Conversion,
    Engine,
    GenerationOptions,
    Guards,
    LongSpeech,
    LongTextOptions,
    Mark,
    Metrics,
    Session,
    SessionReport,
    Stream,
    StreamOptions,
    StreamReport,
    piece_seed,
    subtitles,
)
from tinyhub import environment

REQUIRED = dataclasses.MISSING


def test_names() -> None:
    assert loquor.__all__ == [
        "Audio",
        "Bookmark",
        "BusyError",
        "CancelToken",
        "Capabilities",
        "Chunk",
        "Conversion",
        "DownloadError",
        "Engine",
        "EngineClosedError",
        "ExecutionError",
        "GenerationOptions",
        "Guards",
        "InvalidInputError",
        "LongSpeech",
        "LongTextOptions",
        "LoquorError",
        "Mark",
        "Memory",
        "Metrics",
        "ModelError",
        "Provenance",
        "RequestCancelledError",
        "RuntimeMissingError",
        "Session",
        "SessionReport",
        "Stream",
        "StreamOptions",
        "StreamReport",
        "TorchEngine",
        "Voice",
        "VoiceSource",
        "__version__",
        "open_engine",
        "piece_seed",
        "subtitles",
    ]
    assert all(hasattr(loquor, name) for name in loquor.__all__)


_LANGUAGE = "language: 'str | None' = None"
_CANCEL = "cancel: '_core.CancelToken | None' = None"
_LOWER_CANCEL = "cancel: 'CancelToken | None' = None"
_PROGRESS = "progress: 'Callable[[int], None] | None' = None"


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        (
            "__init__",
            "(self, model: 'str | os.PathLike[str]' = 'mini', *, dtype: 'str' = 'auto', "
            "device: 'str' = 'auto', threads: 'int' = 0, slots: 'int' = 0, max_queue: 'int' = 0, "
            "batching: 'bool' = True, reference_seconds: 'float' = 0.0, window_prompt: 'float' = -1.0, "
            "prefix_cache_bytes: 'int' = 268435456, sampling: 'str' = 'auto', watermark: 'str' = 'auto', "
            "keep_encoder: 'bool' = False, realtime: 'bool' = False, "
            "provider_options: 'Mapping[str, str] | None' = None, normalize: 'str' = 'auto', "
            "prepare: 'bool' = True, own_operators: 'bool' = True, kv_dtype: 'str' = 'auto', "
            "decoder_precision: 'str' = 'auto') -> 'None'",
        ),
        (
            "voice",
            f"(self, source: 'VoiceSource | None' = None, *, prefix: 'bool' = False, {_CANCEL}) -> 'Voice'",
        ),
        (
            "speak",
            "(self, text: 'str', voice: 'VoiceSource | None' = None, "
            f"options: 'GenerationOptions | None' = None, *, {_LANGUAGE}, {_CANCEL}, {_PROGRESS}) -> 'Audio'",
        ),
        (
            "speak_long",
            "(self, text: 'str | Iterable[str]', voice: 'VoiceSource | None' = None, "
            f"options: 'GenerationOptions | None' = None, *, {_LANGUAGE}, "
            "long_text: 'LongTextOptions | None' = None, bookmark: 'Bookmark | None' = None, "
            f"{_CANCEL}, {_PROGRESS}) -> 'LongSpeech'",
        ),
        (
            "session",
            "(self, voice: 'VoiceSource | None' = None, options: 'GenerationOptions | None' = None, *, "
            f"{_LANGUAGE}, chunks: 'StreamOptions | None' = None, "
            "long_text: 'LongTextOptions | None' = None) -> 'Session'",
        ),
        (
            "stream",
            "(self, text: 'str', voice: 'VoiceSource | None' = None, "
            f"options: 'GenerationOptions | None' = None, *, {_LANGUAGE}, "
            f"chunks: 'StreamOptions | None' = None, {_CANCEL}) -> 'Stream'",
        ),
        (
            "convert",
            "(self, recording: 'RecordingSource', voice: 'VoiceSource | None' = None, *, "
            f"seed: 'int' = 0, {_CANCEL}) -> 'Audio'",
        ),
        (
            "convert_stream",
            "(self, recording: 'RecordingSource', voice: 'VoiceSource | None' = None, *, "
            f"chunks: 'StreamOptions | None' = None, seed: 'int' = 0, {_CANCEL}) -> 'Conversion'",
        ),
        ("tokenize", f"(self, text: 'str', *, {_LANGUAGE}) -> 'npt.NDArray[np.int64]'"),
        (
            "generate_tokens",
            "(self, input_ids: 'npt.ArrayLike', voice: 'Voice', options: 'GenerationOptions | None' = None, "
            f"*, {_LOWER_CANCEL}, {_PROGRESS}) -> 'npt.NDArray[np.int64]'",
        ),
        (
            "decode",
            "(self, speech_tokens: 'npt.ArrayLike', voice: 'Voice', *, seed: 'int' = 0, "
            f"{_LOWER_CANCEL}) -> 'npt.NDArray[np.float32]'",
        ),
        (
            "avoice",
            "(self: '_Engine', source: 'VoiceSource | None' = None, *, prefix: 'bool' = False) -> 'Voice'",
        ),
        (
            "aspeak",
            "(self: '_Engine', text: 'str', voice: 'VoiceSource | None' = None, "
            f"options: 'GenerationOptions | None' = None, *, {_LANGUAGE}) -> 'Audio'",
        ),
        ("warmup", "(self, voice: 'VoiceSource | None' = None) -> 'None'"),
        ("memory", "(self) -> 'Memory'"),
        ("unload_encoder", "(self) -> 'None'"),
        ("close", "(self) -> 'None'"),
    ],
)
def test_engine_signatures(method: str, signature: str) -> None:
    assert str(inspect.signature(getattr(Engine, method))) == signature


def test_engine_has_no_other_public_member() -> None:
    methods = {"voice", "speak", "speak_long", "session", "stream", "convert", "convert_stream", "close"}
    methods |= {"avoice", "aspeak"}
    lower = {"tokenize", "generate_tokens", "decode", "warmup", "memory", "unload_encoder"}
    assert {name for name in dir(Engine) if not name.startswith("_")} == {
        *methods, *lower, "capabilities", "voices",
    }  # fmt: skip


def fields_of(kind: type) -> dict[str, Any]:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return {field.name: field.default for field in dataclasses.fields(kind)}


def test_generation_options() -> None:
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed", "max_new_tokens")
    expected: dict[str, Any] = dict.fromkeys((*names, "guards", "exaggeration", "cfg_weight", "text_guard"))
    assert list(fields_of(GenerationOptions).items()) == list({**expected, "seed": 0}.items())
    switches = dict.fromkeys(("length", "loop", "silence", "tail"), True)
    assert list(fields_of(Guards).items()) == list(switches.items())


def test_stream() -> None:
    names = (
        "first_chunk", "growth", "max_chunk", "left_context", "look_ahead", "fade_samples", "adaptive",
        "watermark_early", "max_wait",
    )  # fmt: skip
    assert list(fields_of(StreamOptions).items()) == list(dict.fromkeys(names).items())
    counted = (
        "audio_seconds",
        "speech_tokens",
        "generated_tokens",
        "finished",
        "cancelled",
        "text",
        "watermark",
        "waited_seconds",
        "text_faults",
    )
    assert list(fields_of(StreamReport).items()) == list(dict.fromkeys(counted, REQUIRED).items())
    members = {"cancel", "pcm16", "report", "sample_rate", "tokens", "metrics", "warnings", "provenance"}
    members |= {"words"}
    assert {name for name in vars(Stream) if not name.startswith("_")} == members


def test_conversion() -> None:
    members = {"cancel", "report", "sample_rate", "metrics", "warnings", "provenance"}
    assert {name for name in vars(Conversion) if not name.startswith("_")} == members


def test_session() -> None:
    told = (
        "audio_seconds", "sentences", "text", "waiting_characters", "text_tokens", "speech_tokens",
        "finished", "cancelled", "watermark",
    )  # fmt: skip
    assert list(fields_of(SessionReport).items()) == list(dict.fromkeys(told, REQUIRED).items())
    text = {"feed": "(self, text: 'str', *, timeout: 'float | None' = 0.0) -> 'None'"}
    text |= {"afeed": "(self, text: 'str') -> 'None'"} | dict.fromkeys(("flush", "end"), "(self) -> 'None'")
    for name, signature in text.items():
        assert str(inspect.signature(getattr(Session, name))) == signature
    members = {*text, "cancel", "pcm16", "report", "text_until", "sample_rate", "marks", "warnings"}
    members |= {"provenance", "words", "within"}
    assert {name for name in vars(Session) if not name.startswith("_")} == members


def test_capabilities() -> None:
    required = (
        "model", "family", "folder", "device", "provider", "dtypes", "optimization_levels", "threads",
        "prepared", "kv_mode", "kv_dtype", "layers", "hidden_size", "vocab_size", "max_positions",
        "sample_rate", "samples_per_token", "tags", "voices", "has_default_voice", "slots", "batched",
        "sampling", "placements",
    )  # fmt: skip
    expected = {**dict.fromkeys(required, REQUIRED), "watermark": "none"}
    expected |= {"voice_cloning": True, "streaming": True}
    expected |= {"text_normalizer": "none", "piece_characters": 250, "languages": ("en",)}
    expected |= {"voice_conversion": True, "guidance": False, "exaggeration": False, "word_times": False}
    expected["replaced"] = REQUIRED  # a factory's
    assert list(fields_of(Capabilities).items()) == list(expected.items())


def test_audio_and_metrics() -> None:
    expected = {**dict.fromkeys(("samples", "sample_rate", "metrics"), REQUIRED), "warnings": (), "marks": ()}
    expected["provenance"] = None
    expected["words"] = ()
    assert list(fields_of(Audio).items()) == list(expected.items())
    counted = (
        "text_tokens", "prompt_length", "speech_tokens", "prefill_seconds", "steps_seconds",
        "decoder_seconds", "total_seconds", "audio_seconds",
    )  # fmt: skip
    assert list(fields_of(Metrics).items()) == list(dict.fromkeys(counted, REQUIRED).items())
    for kind, public in (
        (
            Audio,
            {"warnings", "marks", "seconds", "save", "play", "to_int16", "provenance", "watermark", "words"},
        ),
        (Metrics, {"rtf", "tokens_per_second"}),
    ):
        assert {name for name in vars(kind) if not name.startswith("_")} == public


def test_long_text() -> None:
    assert fields_of(LongTextOptions) == {
        "piece_characters": None,
        "join_below": 40,
        "clause_pause": 0.12,
        "sentence_pause": 0.35,
        "paragraph_pause": 0.8,
        "language": "en",
    }
    assert fields_of(Mark) == dict.fromkeys(("text", "start", "end"), REQUIRED)
    assert {name for name in vars(LongSpeech) if not name.startswith("_")} == {"bookmark", "collect", "save"}
    assert fields_of(Bookmark) == dict.fromkeys(("pieces", "samples", "pause"), REQUIRED)
    assert str(inspect.signature(piece_seed)) == "(seed: 'int', index: 'int') -> 'int'"
    assert str(inspect.signature(subtitles)) == "(marks: 'Iterable[Mark]', format: 'str' = 'srt') -> 'str'"


def test_error_tree() -> None:
    bases = {
        "LoquorError": (Exception,),
        "RuntimeMissingError": (loquor.LoquorError,),
        "ModelError": (loquor.LoquorError,),
        "DownloadError": (loquor.ModelError,),
        "InvalidInputError": (loquor.LoquorError, ValueError),
        "BusyError": (loquor.LoquorError,),
        "RequestCancelledError": (loquor.LoquorError,),
        "EngineClosedError": (loquor.RequestCancelledError,),
        "ExecutionError": (loquor.LoquorError,),
    }
    assert {name: getattr(loquor, name).__bases__ for name in bases} == bases
    assert set(bases) == {name for name in loquor.__all__ if name.endswith("Error")}


_HEAVY = (
    "numpy", "onnxruntime", "tokenizers", "soundfile", "soxr", "pyloudnorm", "scipy", "safetensors",
    "huggingface_hub", "tqdm", "requests", "httpx", "sentencex", "loquor.english", "onnx",
)  # fmt: skip

_PROBE = """
import sys
sockets = []
sys.addaudithook(lambda event, _: sockets.append(event) if event.startswith("socket.") else None)
{statement}
print(sorted(set({heavy!r}) & set(sys.modules)), sockets)
"""


_MAIN = "import contextlib, io, loquor.cli\nwith contextlib.redirect_stdout(io.StringIO()): loquor.cli.main"


def probe(statement: str, **variables: str) -> str:
    code = _PROBE.format(statement=statement, heavy=_HEAVY)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**environment(), **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_import_is_light_and_opens_no_socket() -> None:
    assert probe("import loquor") == "[] []"
    assert probe("import loquor; loquor.Engine") == "['numpy'] []"


@pytest.mark.parametrize(
    "command",
    [["--version"], ["--help"], ["cmake-dir"], ["nonsense"], ["download", "--help"], ["doctor", "--help"]],
)
def test_a_command_imports_what_it_needs(command: list[str]) -> None:
    assert probe(f"{_MAIN}({command})") == "[] []"


def test_the_catalogue_takes_the_hubs_library_alone() -> None:
    """It knows whether the cache has a model."""
    assert probe(f"{_MAIN}(['models'])") == "['huggingface_hub', 'tqdm'] []"


def test_the_doctor_of_an_installation_without_a_runtime_needs_nothing(tmp_path: Path) -> None:
    assert probe(f"{_MAIN}(['doctor'])", LOQUOR_ORT_LIBRARY=str(tmp_path / "nothing.so")) == "[] []"


def test_public_names_are_where_type_checkers_see_them() -> None:
    tree = ast.parse(Path(loquor.__file__).read_text(encoding="utf-8"))
    (checked,) = (
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {name.name: node.module for node in checked.body for name in node.names}  # type: ignore[attr-defined]
    assert seen == loquor._HOMES
    assert {*seen, *vars(loquor)} >= {*loquor.__all__} and {*dir(loquor)} >= {*loquor.__all__}
    with pytest.raises(AttributeError, match=r"'loquor' has no attribute 'Enigne'"):
        loquor.Enigne  # noqa: B018


@pytest.mark.parametrize(
    "value",
    [GenerationOptions(seed=3), Guards(loop=False), LongTextOptions(), StreamOptions(), Mark("a", 0.0, 1.0)],
    ids=lambda value: type(value).__name__,
)
def test_what_users_make_can_be_pickled(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value


def test_errors_say_where_they_are_from() -> None:
    names = [name for name in loquor.__all__ if name.endswith("Error")]
    assert {getattr(loquor, name).__module__ for name in names} == {"loquor.errors"}


def test_the_probe_sees_what_it_looks_for() -> None:
    assert probe("import tqdm") == "['tqdm'] []"
    assert "socket.__new__" in probe("import socket; socket.socket().close()")
