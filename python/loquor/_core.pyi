"""
Loquor's C++ core, through its C ABI. Private: use the loquor package.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "CancelToken",
    "EngineHandle",
    "Graph",
    "Runtime",
    "StreamHandle",
    "VoiceHandle",
    "abi_version",
    "choose_files",
    "default_stream_options",
    "dtype_names",
    "families",
    "forks",
    "graph_files",
    "graph_names",
    "keep_prefix",
    "kv_dtypes",
    "offered_dtypes",
    "option_table",
    "parse_dtype",
    "prefix_of",
    "read_bundle",
    "set_log_level",
    "vector_unit",
    "version",
    "weight_files",
]

class Runtime:
    """
    ONNX Runtime's shared library, opened by path.
    """
    def __init__(self, library_path: str) -> None: ...
    def add_provider_library(self, library_path: str) -> None: ...
    def device_info(self, device: str) -> dict[str, typing.Any]: ...
    @property
    def path(self) -> str: ...
    @property
    def providers(self) -> list[str]: ...
    @property
    def version(self) -> str: ...

class CancelToken:
    """
    Ends a running request from any thread.
    """
    def __init__(self) -> None: ...
    def cancel(self) -> None: ...

class VoiceHandle:
    """
    A voice's tensors inside the core.
    """
    def __init__(
        self,
        audio_features: numpy.typing.NDArray[numpy.float32],
        audio_tokens: numpy.typing.NDArray[numpy.int64],
        speaker_embeddings: numpy.typing.NDArray[numpy.float32],
        speaker_features: numpy.typing.NDArray[numpy.float32],
    ) -> None: ...
    def tensors(self) -> dict[str, typing.Any]: ...

class EngineHandle:
    """
    A loaded bundle.
    """
    def __init__(
        self,
        runtime: Runtime,
        folder: str,
        options: dict[str, typing.Any],
        *,
        provider_options: collections.abc.Mapping[str, str] = {},
        prepared: collections.abc.Mapping[str, str] = {},
    ) -> None: ...
    def check_voice(self, voice: VoiceHandle) -> None: ...
    def decode(
        self,
        speech_tokens: numpy.typing.NDArray[numpy.int64],
        voice: VoiceHandle,
        seed: typing.SupportsInt | typing.SupportsIndex,
        cancel: CancelToken | None = None,
    ) -> tuple[numpy.typing.NDArray[numpy.float32], float]: ...
    def default_options(self) -> dict[str, typing.Any]: ...
    def encode_voice(
        self, samples: numpy.typing.NDArray[numpy.float32], cancel: CancelToken | None = None
    ) -> VoiceHandle: ...
    def generate_tokens(
        self,
        input_ids: numpy.typing.NDArray[numpy.int64],
        voice: VoiceHandle,
        options: dict[str, typing.Any],
        cancel: CancelToken | None = None,
        progress: collections.abc.Callable[[int], None] | None = None,
    ) -> dict[str, typing.Any]: ...
    def halt(self) -> None:
        """
        For the end of the process: ends every request, and no other thread comes back from a call.
        """
    def info(self) -> dict[str, typing.Any]: ...
    def memory(self) -> dict[str, typing.Any]: ...
    def unload_encoder(self) -> None: ...

class StreamHandle:
    """
    Speech while it is made.
    """
    def __init__(
        self,
        engine: EngineHandle,
        input_ids: numpy.typing.NDArray[numpy.int64],
        voice: VoiceHandle,
        options: dict[str, typing.Any],
        chunks: dict[str, typing.Any],
        cancel: CancelToken | None = None,
        progress: collections.abc.Callable[[int], None] | None = None,
        text: str = "",
    ) -> None: ...
    def cancel(self) -> None: ...
    def info(self) -> dict[str, typing.Any]: ...
    def leave(self) -> None: ...
    def next(
        self, timeout: typing.SupportsFloat | typing.SupportsIndex | None = None
    ) -> numpy.typing.NDArray[numpy.float32] | None: ...
    def notify(self, socket: typing.SupportsInt | typing.SupportsIndex | None) -> None: ...

class Graph:
    """
    One graph on the CPU, run with arrays by name.
    """
    def __init__(
        self,
        runtime: Runtime,
        file: str,
        *,
        prepared: str = "",
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    def run(self, inputs: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]: ...

def abi_version() -> int:
    """
    Version of its C ABI.
    """

def choose_files(
    paths: collections.abc.Sequence[str], dtype: str, advised: str, place: str
) -> tuple[dict[str, str], list[str]]:
    """
    The precision for each graph, and the paths that an engine needs in it.
    """

def default_stream_options(engine: EngineHandle) -> dict[str, typing.Any]: ...
def dtype_names() -> tuple[str, ...]:
    """
    The published precisions, the one first that "auto" prefers.
    """

def families() -> list[dict[str, typing.Any]]:
    """
    What is known of each family of models.
    """

def forks() -> int:
    """
    How many forks lie behind this process since the module was loaded.
    """

def graph_files(folder: str, dtype: str, advised: str = "") -> dict[str, tuple[str, str]]:
    """
    File and published dtype of each graph.
    """

def graph_names() -> tuple[str, ...]:
    """
    The four graphs of a bundle.
    """

def keep_prefix(engine: EngineHandle, voice: VoiceHandle, kv: numpy.ndarray) -> None:
    """
    Gives an engine what prefix_of gave, from the same graph.
    """

def kv_dtypes() -> dict[str, str]:
    """
    The types that a KV cache may have, by name: numpy's names of them.
    """

def offered_dtypes(paths: collections.abc.Sequence[str]) -> dict[str, tuple[str, ...]]:
    """
    The precisions of each graph among the paths of a bundle's files.
    """

def option_table(table: str) -> list[dict[str, typing.Any]]:
    """
    Rows of an options table: "generation", "stream", "decode" or "engine".
    """

def parse_dtype(dtype: str) -> dict[str, str]:
    """
    What a dtype asks of each graph: a precision, or "auto".
    """

def prefix_of(engine: EngineHandle, voice: VoiceHandle, cancel: CancelToken | None = None) -> numpy.ndarray:
    """
    KV of a voice's prefix, [tensors, heads, positions, head_dim], in the type of the engine's cache.
    """

def read_bundle(folder: str, dtype: str = "auto", advised: str = "") -> dict[str, typing.Any]:
    """
    Files, family and settings of a bundle's folder.
    """

def set_log_level(level: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Least level, by Python's logging numbers, that the core hands to the logger 'loquor'.
    """

def vector_unit() -> str:
    """
    The vector instructions that the core's own operators use on this processor.
    """

def version() -> str:
    """
    Version of the loaded libloquor.
    """

def weight_files(graph_file: str) -> dict[str, str]:
    """
    Real path of each file that a graph names for its weights, by that name.
    """
