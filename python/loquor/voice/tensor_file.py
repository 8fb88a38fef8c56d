"""Safetensors files: told by their first bytes, bounded, and read where they are no file on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import _core
from ..base.files import JSON_BYTES

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SafetensorsBytes", "check_header", "is_safetensors"]


def is_safetensors(head: bytes) -> bool:
    """Tell a safetensors file by its first 9 bytes: a header's length that is not absurd, and its brace."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= JSON_BYTES


def check_header(start: bytes) -> None:
    """Raise `ValueError` if a safetensors file, of whose `start` 8 bytes count, has a header beyond ours.

    The library parses a header of up to 100 MB, which takes gigabytes.
    """
    length = int.from_bytes(start[:8], "little")
    if length > JSON_BYTES:
        raise ValueError(f"its header has {length} bytes, more than {JSON_BYTES}")


@dataclass(frozen=True)
class _Shape:
    _shape: list[int]

    def get_shape(self) -> list[int]:
        return self._shape


class SafetensorsBytes:
    """What `safetensors.safe_open` gives of a file, of one that came as bytes.

    Raises `ValueError` for a header that is too large, and `SafetensorError`.
    """

    _DTYPES: ClassVar = {
        f"{dtype.kind.upper()}{8 * dtype.itemsize}": dtype
        for dtype in map(np.dtype, ("float32", "int64", *_core.kv_dtypes().values()))
    }

    def __init__(self, content: bytes) -> None:
        from safetensors import deserialize

        check_header(content)
        self._tensors = dict(deserialize(content))  # type: ignore[no-untyped-call]
        self._header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])

    def metadata(self) -> dict[str, str] | None:
        """Return the texts that the header holds."""
        found: dict[str, str] | None = self._header.get("__metadata__")
        return found

    def keys(self) -> list[str]:
        """Return the names of the tensors."""
        return list(self._tensors)

    def get_slice(self, name: str) -> _Shape:
        """Return what knows a tensor's shape."""
        return _Shape(self._tensors[name]["shape"])

    def get_tensor(self, name: str) -> npt.NDArray[Any]:
        """Return a tensor. Raises `ValueError` for a dtype that no file of ours has."""
        tensor = self._tensors[name]
        if tensor["dtype"] not in self._DTYPES:
            raise ValueError(f"its {name} is {tensor['dtype']}")
        return np.frombuffer(tensor["data"], self._DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
