"""A PyTorch checkpoint read without PyTorch: tensors of float32 by name, and nothing that runs.

`torch.save` writes a ZIP archive: a pickle, which says how tensors lie in storages, and the storages' bytes.
The pickle is read as a description: only the opcodes that a state dict needs, only the three names that it
refers to, none of them PyTorch's own code.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError

if TYPE_CHECKING:
    import numpy.typing as npt

    Tensors = dict[str, npt.NDArray[np.float32]]

__all__ = ["read_checkpoint"]

_MOST_BYTES = 64 << 20  # of all storages; PerTh's have 37 million
_MOST_PICKLE = 1 << 18
_MOST_ENTRIES = 512
_OPCODES = frozenset(
    ("PROTO", "STOP", "MARK", "EMPTY_DICT", "EMPTY_TUPLE", "EMPTY_LIST", "BINPUT", "LONG_BINPUT", "BINGET",
     "LONG_BINGET", "BINUNICODE", "BININT", "BININT1", "BININT2", "NONE", "NEWTRUE", "NEWFALSE", "TUPLE",
     "TUPLE1", "TUPLE2", "TUPLE3", "GLOBAL", "REDUCE", "BUILD", "BINPERSID", "SETITEM", "SETITEMS")
)  # fmt: skip


@dataclass(frozen=True)
class _Storage:
    name: str
    elements: int


class _FloatStorage:
    """Stands for the type of that name."""


def read_checkpoint(file: Path, entry: str = "model") -> Tensors:
    """Return the tensors of the state dict that a checkpoint has under `entry`, float32 each, by name.

    Raises `ModelError` for whatever is no such checkpoint, also for one that is larger than PerTh's.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _tensors_of(archive, entry)
    except ModelError:
        raise
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise _no_checkpoint(file, str(error)) from error
    except Exception as error:  # a damaged pickle or archive may raise nearly anything
        raise _no_checkpoint(file, f"{type(error).__name__}: {error}") from error


def _no_checkpoint(file: Path, why: str) -> ModelError:
    return ModelError(f"cannot read {file} as a checkpoint of PyTorch ({why}): install its package again")


def _tensors_of(archive: zipfile.ZipFile, entry: str) -> Tensors:
    members = archive.infolist()
    if len(members) > _MOST_ENTRIES or sum(member.file_size for member in members) > _MOST_BYTES:
        raise ValueError("it is larger than one can be")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("its entries are compressed, which PyTorch does not do")
    (pickled,) = (member for member in members if member.filename.endswith("/data.pkl"))
    if pickled.file_size > _MOST_PICKLE:
        raise ValueError("its description is larger than one can be")
    root = pickled.filename[: -len("data.pkl")]
    names = {member.filename for member in members}
    if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
        raise ValueError("its numbers are big-endian")
    content = _described(archive.read(pickled))
    state = content.get(entry) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise ValueError(f"it has no state dict {entry!r}")
    storages: dict[_Storage, npt.NDArray[np.float32]] = {}
    tensors: Tensors = {}
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise TypeError("its state dict holds something that is no tensor")
        storage = tensor.storage
        if storage not in storages:
            storages[storage] = np.frombuffer(archive.read(f"{root}data/{storage.name}"), "<f4")
        tensors[name] = tensor.of(storages[storage])
    return tensors


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        count = math.prod(self.shape)
        dense = tuple(math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        if self.strides != dense or len(numbers) != self.storage.elements:
            raise ValueError("a tensor does not lie in its storage as PyTorch writes it")
        if self.offset < 0 or self.offset + count > len(numbers):
            raise ValueError("a tensor lies beyond its storage")
        return numbers[self.offset : self.offset + count].reshape(self.shape)


def _described(content: bytes) -> Any:
    """What the pickle describes, after a look at its opcodes: none asks for memory that it does not fill."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"it has the opcode {opcode.name}")
        longest = argument if opcode.name.endswith("PUT") and isinstance(argument, int) else 0
        if longest > len(content):  # the memo is as long as its largest index
            raise pickle.UnpicklingError("its memo is larger than the whole")
    return _Description(io.BytesIO(content)).load()


class _Description(pickle.Unpickler):
    """A pickle whose names mean what is here."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            "collections.OrderedDict": OrderedDict,
            "torch.FloatStorage": _FloatStorage,
            "torch._utils._rebuild_tensor_v2": _tensor,
        }
        if f"{module}.{name}" not in known:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}")
        return known[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, name, _device, elements = pid
        plain = isinstance(name, str) and name.isalnum() and type(elements) is int
        if kind != "storage" or storage_type is not _FloatStorage or not plain:
            raise pickle.UnpicklingError("it has a storage of another kind than float32")
        return _Storage(name, elements)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_unused: Any) -> _Tensor:
    """Stands for torch._utils._rebuild_tensor_v2."""
    sizes = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or any(type(size) is not int or size < 0 for size in sizes):
        raise pickle.UnpicklingError("it has a tensor with other sizes than whole numbers")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))
