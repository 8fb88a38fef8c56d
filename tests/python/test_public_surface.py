"""What users may rely on, frozen: a change here is a change of the interface, to be made on purpose."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from typing import Any

import pytest

import loquor
from loquor import Audio, Capabilities, Engine, GenerationOptions, Metrics
from tinyhub import environment

REQUIRED = dataclasses.MISSING


def test_names() -> None:
    assert loquor.__all__ == [
        "Audio",
        "CancelToken",
        "CancelledError",
        "Capabilities",
        "DownloadError",
        "Engine",
        "ExecutionError",
        "GenerationOptions",
        "InvalidInputError",
        "LoquorError",
        "Metrics",
        "ModelError",
        "RuntimeMissingError",
        "Voice",
        "__version__",
    ]
    assert all(hasattr(loquor, name) for name in loquor.__all__)


_CANCEL = "cancel: '_core.CancelToken | None' = None"
_PROGRESS = "progress: 'Callable[[int], None] | None' = None"


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        (
            "__init__",
            "(self, model: 'str | os.PathLike[str]' = 'mini', *, device: 'str' = 'auto', "
            "dtype: 'str' = 'auto', threads: 'int' = 0, "
            "provider_options: 'Mapping[str, str] | None' = None, sampling: 'str' = 'auto') -> 'None'",
        ),
        ("voice", f"(self, source: 'VoiceSource | None' = None, *, {_CANCEL}) -> 'Voice'"),
        (
            "speak",
            "(self, text: 'str', voice: 'VoiceSource | None' = None, "
            f"options: 'GenerationOptions | None' = None, *, {_CANCEL}, {_PROGRESS}) -> 'Audio'",
        ),
        ("tokenize", "(self, text: 'str') -> 'npt.NDArray[np.int64]'"),
        (
            "generate_tokens",
            "(self, input_ids: 'npt.ArrayLike', voice: 'Voice', options: 'GenerationOptions | None' = None, "
            f"*, {_CANCEL}, {_PROGRESS}) -> 'npt.NDArray[np.int64]'",
        ),
        (
            "decode",
            "(self, speech_tokens: 'npt.ArrayLike', voice: 'Voice', *, "
            f"{_CANCEL}) -> 'npt.NDArray[np.float32]'",
        ),
        ("close", "(self) -> 'None'"),
    ],
)
def test_engine_signatures(method: str, signature: str) -> None:
    assert str(inspect.signature(getattr(Engine, method))) == signature


def test_engine_has_no_other_public_member() -> None:
    methods = {"voice", "speak", "tokenize", "generate_tokens", "decode", "close"}
    assert {name for name in vars(Engine) if not name.startswith("_")} == {*methods, "capabilities"}


def fields_of(kind: type) -> dict[str, Any]:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return {field.name: field.default for field in dataclasses.fields(kind)}


def test_generation_options() -> None:
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed", "max_new_tokens")
    expected: dict[str, Any] = dict.fromkeys((*names, "exaggeration", "cfg_weight"))
    assert list(fields_of(GenerationOptions).items()) == list({**expected, "seed": 0}.items())


def test_capabilities() -> None:
    required = (
        "model", "family", "folder", "device", "provider", "dtypes", "optimization_levels", "threads",
        "kv_mode", "kv_dtype", "layers", "hidden_size", "vocab_size", "max_positions", "sample_rate",
        "samples_per_token", "tags", "voices", "has_default_voice", "sampling", "placements",
    )  # fmt: skip
    expected = {**dict.fromkeys(required, REQUIRED), "voice_cloning": True, "streaming": False}
    assert list(fields_of(Capabilities).items()) == list(expected.items())


def test_audio_and_metrics() -> None:
    expected = {**dict.fromkeys(("samples", "sample_rate", "metrics"), REQUIRED), "warnings": ()}
    assert list(fields_of(Audio).items()) == list(expected.items())
    counted = (
        "text_tokens", "prompt_length", "speech_tokens", "prefill_seconds", "decode_seconds",
        "vocoder_seconds", "total_seconds", "audio_seconds",
    )  # fmt: skip
    assert list(fields_of(Metrics).items()) == list(dict.fromkeys(counted, REQUIRED).items())
    for kind, public in (
        (Audio, {"warnings", "seconds", "save", "to_int16"}),
        (Metrics, {"rtf", "tokens_per_second"}),
    ):
        assert {name for name in vars(kind) if not name.startswith("_")} == public


def test_error_tree() -> None:
    bases = {
        "LoquorError": (Exception,),
        "RuntimeMissingError": (loquor.LoquorError,),
        "ModelError": (loquor.LoquorError,),
        "DownloadError": (loquor.ModelError,),
        "InvalidInputError": (loquor.LoquorError, ValueError),
        "CancelledError": (loquor.LoquorError,),
        "ExecutionError": (loquor.LoquorError,),
    }
    assert {name: getattr(loquor, name).__bases__ for name in bases} == bases
    assert set(bases) == {name for name in loquor.__all__ if name.endswith("Error")}


_HEAVY = (
    "onnxruntime", "tokenizers", "soundfile", "soxr", "pyloudnorm", "scipy", "safetensors", "huggingface_hub",
    "tqdm", "requests", "httpx",
)  # fmt: skip

_PROBE = """
import sys
sockets = []
sys.addaudithook(lambda event, _: sockets.append(event) if event.startswith("socket.") else None)
{statement}
print(sorted(set({heavy!r}) & set(sys.modules)), sockets)
"""


def probe(statement: str) -> str:
    code = _PROBE.format(statement=statement, heavy=_HEAVY)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_import_is_light_and_opens_no_socket() -> None:
    assert probe("import loquor") == "[] []"
    assert probe("import loquor.cli") == "[] []"


def test_the_probe_sees_what_it_looks_for() -> None:
    assert probe("import tqdm") == "['tqdm'] []"
    assert "socket.__new__" in probe("import socket; socket.socket().close()")
