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
    "Runtime",
    "VoiceHandle",
    "abi_version",
    "set_log_level",
    "version",
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
        *,
        dtype: str,
        device: str,
        provider_options: collections.abc.Mapping[str, str],
        threads: typing.SupportsInt | typing.SupportsIndex,
        sampling: str = "auto",
    ) -> None: ...
    def decode(
        self,
        speech_tokens: numpy.typing.NDArray[numpy.int64],
        voice: VoiceHandle,
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
        *,
        temperature: typing.SupportsFloat | typing.SupportsIndex,
        top_k: typing.SupportsInt | typing.SupportsIndex,
        top_p: typing.SupportsFloat | typing.SupportsIndex,
        min_p: typing.SupportsFloat | typing.SupportsIndex,
        repetition_penalty: typing.SupportsFloat | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        max_new_tokens: typing.SupportsInt | typing.SupportsIndex,
        cancel: CancelToken | None = None,
        progress: collections.abc.Callable[[int], None] | None = None,
    ) -> dict[str, typing.Any]: ...
    def info(self) -> dict[str, typing.Any]: ...

def abi_version() -> int:
    """
    Version of its C ABI.
    """

def set_log_level(level: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Least level, by Python's logging numbers, that the core hands to the logger 'loquor'.
    """

def version() -> str:
    """
    Version of the loaded libloquor.
    """
