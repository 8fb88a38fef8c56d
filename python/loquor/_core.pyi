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
    "default_stream_options",
    "forks",
    "graph_files",
    "keep_prefix",
    "option_table",
    "prefix_of",
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

def default_stream_options(engine: EngineHandle) -> dict[str, typing.Any]: ...
def forks() -> int:
    """
    How many forks lie behind this process since the module was loaded.
    """

def graph_files(folder: str, dtype: str) -> dict[str, tuple[str, str]]:
    """
    File and published dtype of each graph.
    """

def keep_prefix(engine: EngineHandle, voice: VoiceHandle, kv: numpy.ndarray) -> None:
    """
    Gives an engine what prefix_of gave, from the same graph.
    """

def option_table(table: str) -> list[dict[str, typing.Any]]:
    """
    Rows of an options table: "generation", "stream", "decode" or "engine".
    """

def prefix_of(engine: EngineHandle, voice: VoiceHandle, cancel: CancelToken | None = None) -> numpy.ndarray:
    """
    KV of a voice's prefix, [tensors, heads, positions, head_dim], in the type of the engine's cache.
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
