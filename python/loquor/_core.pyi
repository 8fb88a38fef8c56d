"""Loquor's C++ core, through its C ABI. Private: use the loquor package."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, overload

import numpy
from numpy.typing import NDArray

def version() -> str:
    """Version of the loaded libloquor."""

def abi_version() -> int:
    """Version of its C ABI."""

def forks() -> int:
    """How many forks lie behind this process since the module was loaded."""

def set_log_level(level: int) -> None:
    """
    Least level, by Python's logging numbers, that the core hands to the logger 'loquor'.
    """

def option_table(table: str) -> list[dict[str, Any]]:
    """
    Rows of an options table: "generation", "stream", "decode" or "engine".
    """

def graph_names() -> tuple[str, ...]:
    """The four graphs of a bundle."""

def dtype_names() -> tuple[str, ...]:
    """The published precisions, the one first that "auto" prefers."""

def kv_dtypes() -> dict[str, str]:
    """The types that a KV cache may have, by name: numpy's names of them."""

def parse_dtype(dtype: str) -> dict[str, str]:
    """What a dtype asks of each graph: a precision, or "auto"."""

def offered_dtypes(paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The precisions of each graph among the paths of a bundle's files."""

def choose_files(
    paths: Sequence[str], dtype: str, advised: str, place: str
) -> tuple[dict[str, str], list[str]]:
    """
    The precision for each graph, and the paths that an engine needs in it.
    """

def graph_files(folder: str, dtype: str, advised: str = "") -> dict[str, tuple[str, str]]:
    """File and published dtype of each graph."""

def read_bundle(folder: str, dtype: str = "auto", advised: str = "") -> dict[str, Any]:
    """Files, family and settings of a bundle's folder."""

def families() -> list[dict[str, Any]]:
    """What is known of each family of models."""

class Runtime:
    """ONNX Runtime's shared library, opened by path."""

    def __init__(self, library_path: str) -> None: ...
    @property
    def version(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def providers(self) -> list[str]: ...
    def add_provider_library(self, library_path: str) -> None: ...
    def device_info(self, device: str) -> dict[str, Any]: ...

class CancelToken:
    """Ends a running request from any thread."""

    def __init__(self) -> None: ...
    def cancel(self) -> None: ...

class VoiceHandle:
    """A voice's tensors inside the core."""

    def __init__(
        self,
        audio_features: Annotated[NDArray[numpy.float32], dict(order="C")],
        audio_tokens: Annotated[NDArray[numpy.int64], dict(order="C")],
        speaker_embeddings: Annotated[NDArray[numpy.float32], dict(order="C")],
        speaker_features: Annotated[NDArray[numpy.float32], dict(order="C")],
    ) -> None: ...
    def tensors(self) -> dict[str, Any]: ...

class EngineHandle:
    """A loaded bundle."""

    def __init__(
        self,
        runtime: Runtime,
        folder: str,
        options: dict[str, Any],
        *,
        provider_options: Mapping[str, str] = {},
        prepared: Mapping[str, str] = {},
    ) -> None: ...
    def info(self) -> dict[str, Any]: ...
    def default_options(self) -> dict[str, Any]: ...
    def encode_voice(
        self, samples: Annotated[NDArray[numpy.float32], dict(order="C")], cancel: CancelToken | None = None
    ) -> VoiceHandle: ...
    def check_voice(self, voice: VoiceHandle) -> None: ...
    def generate_tokens(
        self,
        input_ids: Annotated[NDArray[numpy.int64], dict(order="C")],
        voice: VoiceHandle,
        options: dict[str, Any],
        cancel: CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]: ...
    def decode(
        self,
        speech_tokens: Annotated[NDArray[numpy.int64], dict(order="C")],
        voice: VoiceHandle,
        seed: int,
        cancel: CancelToken | None = None,
    ) -> tuple[NDArray[numpy.float32], float]: ...
    def memory(self) -> dict[str, Any]: ...
    def unload_encoder(self) -> None: ...
    def halt(self) -> None:
        """
        For the end of the process: ends every request, and no other thread comes back from a call.
        """

def prefix_of(engine: EngineHandle, voice: VoiceHandle, cancel: CancelToken | None = None) -> numpy.ndarray:
    """
    KV of a voice's prefix, [tensors, heads, positions, head_dim], in the type of the engine's cache.
    """

def keep_prefix(engine: EngineHandle, voice: VoiceHandle, kv: numpy.ndarray) -> None:
    """Gives an engine what prefix_of gave, from the same graph."""

class StreamHandle:
    """Speech while it is made."""

    @overload
    def __init__(
        self,
        engine: EngineHandle,
        input_ids: Annotated[NDArray[numpy.int64], dict(order="C")],
        voice: VoiceHandle,
        options: dict[str, Any],
        chunks: dict[str, Any],
        cancel: CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
        text: str = "",
    ) -> None: ...
    @overload
    def __init__(
        self,
        engine: EngineHandle,
        voice: VoiceHandle,
        *,
        seed: int,
        chunks: dict[str, Any],
        cancel: CancelToken | None = None,
    ) -> None:
        """Speech of tokens that are fed."""

    def feed(self, tokens: Annotated[NDArray[numpy.int64], dict(order="C")], last: bool = False) -> None: ...
    def next(self, timeout: float | None = None) -> NDArray[numpy.float32] | None: ...
    def said_ids(self) -> NDArray[numpy.int32]: ...
    def notify(self, socket: int | None) -> None: ...
    def cancel(self) -> None: ...
    def leave(self) -> None: ...
    def info(self) -> dict[str, Any]: ...

def default_stream_options(engine: EngineHandle) -> dict[str, Any]: ...
def spell_english(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """
    English in words; the characters without a sound, and the names of markup, that went.
    """

class TokenizerFile:
    """A tokenizer.json as the core runs it."""

    def __init__(self, file: str) -> None: ...
    def encode(self, text: str, closed: bool = False) -> list[int]:
        """The ids of a text without null characters."""

class TextReader:
    """A bundle's text as the core reads it."""

    def __init__(self, folder: str) -> None: ...
    def prepare(
        self, text: str, language: str | None = None, normalizer: str | None = None
    ) -> tuple[list[int], str, list[str]]:
        """Ids, the text as the tokenizer gets it, and warnings."""

def vector_unit() -> str:
    """
    The vector instructions that the core's own operators use on this processor.
    """

def matrix_unit() -> str:
    """The matrix instructions that they use besides: "amx", or "none"."""

def preparation_version() -> int:
    """The version of the rewrites that preparation makes."""

def prepared_key(
    graph_file: str,
    *,
    graph: str,
    kv_dtype: str,
    vector_unit: str,
    device: str,
    own_operators: bool,
    int16: bool,
    version: int,
    runtime: str,
    scaled_for: str,
) -> str:
    """Name of a published graph's entry in the cache of prepared ones."""

def weight_files(graph_file: str) -> dict[str, str]:
    """
    Real path of each file that a graph names for its weights, by that name.
    """

class Graph:
    """One graph on the CPU, run with arrays by name."""

    def __init__(self, runtime: Runtime, file: str, *, prepared: str = "", threads: int = 0) -> None: ...
    def run(self, inputs: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]: ...
