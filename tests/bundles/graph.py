"""A small ONNX graph writer whose weights go straight to the sidecar: a big model needs little memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from .dims import Precision

OPSET = 21  # the first with 4-bit integer tensors
IR_VERSION = 10
IR_VERSION_OF_ATTENTION = 11  # with opsets 23 and 24
BLOCK = 32
MICROSOFT = "com.microsoft"

Draw = Callable[[np.random.Generator], NDArray]


class Graph:
    """One graph under construction.

    Weights are drawn from `(seed, graph name, weight name)`, so that half precision rounds the weights of
    single precision. They are appended, unpadded, to `sidecar`; without one, only `data_bytes` is counted.
    """

    def __init__(self, name: str, precision: Precision, seed: int, sidecar: BinaryIO | None = None) -> None:
        self.name = name
        self.precision = precision
        self.data_bytes = 0
        self.opset = OPSET
        self._seed = seed
        self._sidecar = sidecar
        self._nodes: list[NodeProto] = []
        self._inputs: list[tuple[str, int, Sequence[int | str]]] = []
        self._outputs: list[tuple[str, int, Sequence[int | str]]] = []
        self._weights: list[TensorProto] = []
        self._constants: dict[str, TensorProto] = {}

    def input(self, name: str, elem_type: int, shape: Sequence[int | str]) -> str:
        self._inputs.append((name, elem_type, shape))
        return name

    def output(self, value: str, name: str, elem_type: int, shape: Sequence[int | str]) -> None:
        """Declares `name` as an output that carries `value`."""
        if value != name:
            self.node("Identity", value, out=name)
        self._outputs.append((name, elem_type, shape))

    def node(self, op: str, *inputs: str, out: str = "", domain: str = "", **attributes: object) -> str:
        """Appends a node with one output and returns that output's name."""
        out = out or f"{op}_{len(self._nodes)}"
        return self.multi(op, *inputs, outs=(out,), domain=domain, **attributes)[0]

    def multi(
        self, op: str, *inputs: str, outs: Sequence[str], domain: str = "", **attributes: object
    ) -> Sequence[str]:
        """Appends a node with several outputs and returns their names."""
        name = f"{op}/{outs[0]}"
        self._nodes.append(helper.make_node(op, inputs, outs, name=name, domain=domain, **attributes))
        return outs

    def constant(self, value: object, dtype: type = np.int64) -> str:
        """A constant kept inside the graph file, made once per value."""
        array = np.asarray(value, dtype)
        name = f"const_{array.dtype}_{'x'.join(map(str, array.shape))}_{zlib.crc32(array.tobytes()):08x}"
        self._constants.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def scalar(self, value: float) -> str:
        """A scalar of the graph's float type."""
        return self.constant(value, self.precision.float_dtype)

    def dim(self, value: str, axis: int) -> str:
        """The length of an axis as int64 [1]."""
        return self.node("Shape", value, start=axis, end=axis + 1)

    def slice(self, value: str, start: str, end: str, axis: int) -> str:
        return self.node("Slice", value, start, end, self.constant([axis]))

    def reshape(self, value: str, *dims: str) -> str:
        """Reshapes to explicit lengths (int64 [1] each), any of which may be zero."""
        return self.node("Reshape", value, self.node("Concat", *dims, axis=0), allowzero=1)

    def to_inner(self, value: str) -> str:
        """Casts a float32 boundary value to the type the graph computes in."""
        return self.node("Cast", value, to=TensorProto.FLOAT16) if self.precision.half else value

    def to_boundary(self, value: str) -> str:
        """Casts a computed value to float32, the type of every boundary but the KV cache."""
        return self.node("Cast", value, to=TensorProto.FLOAT) if self.precision.half else value

    def weight(self, name: str, shape: Sequence[int], std: float, mean: NDArray | float = 0.0) -> str:
        """A normally distributed float weight; `mean` is a number or broadcasts to `shape`."""

        def draw(rng: np.random.Generator) -> NDArray:
            values = rng.standard_normal(shape, np.float32)
            values *= np.float32(std)
            values += np.asarray(mean, np.float32)
            return values.astype(self.precision.float_dtype, copy=False)

        return self._float(name, shape, draw)

    def linear(self, x: str, name: str, k: int, n: int, std: float, bias: NDArray | float = 0.0) -> str:
        """`x @ W + b` with W [k, n] and b [n]; `bias` is the mean of b."""
        y = self.product(x, name, k, n, std, symmetric=False)
        return self.node("Add", y, self.weight(f"{name}.bias", (n,), 0.1, bias))

    def product(self, x: str, name: str, k: int, n: int, std: float, *, symmetric: bool = True) -> str:
        """`x @ W` with W [k, n]; if `symmetric`, its codes have no zero points."""
        if not self.precision.bits:
            return self.node("MatMul", x, self.weight(f"{name}.weight", (k, n), std))
        bits, block = self.precision.bits, min(self.precision.block, k)
        blocks = -(-k // block)
        codes = (n, blocks, block * bits // 8)
        zeros = (n, blocks if self.precision.float_zeros else -(-blocks * bits // 8))
        tensors = self._quantised(
            f"{name}.weight",
            TensorProto.UINT8,
            8,
            codes,
            (n, blocks),
            () if symmetric else zeros,
            std,
            self.precision.float_zeros,
        )
        return self.node("MatMulNBits", x, *tensors, domain=MICROSOFT, K=k, N=n, bits=bits, block_size=block)

    def table(self, name: str, values: NDArray) -> str:
        """A float weight of given values."""
        return self._float(name, values.shape, lambda _: values.astype(self.precision.float_dtype))

    def embedding(self, ids: str, name: str, rows: int, width: int, std: float) -> str:
        """Rows of a table [rows, width], in the graph's float type."""
        if not self.precision.bits:
            return self.node("Gather", self.weight(f"{name}.weight", (rows, width), std), ids)
        bits = self.precision.bits
        elem_type = TensorProto.UINT4 if bits == 4 else TensorProto.UINT8
        blocks = (rows, width // BLOCK)
        codes, scales, zeros = self._quantised(
            f"{name}.weight", elem_type, bits, (rows, width), blocks, blocks, std
        )
        attributes = {"gather_axis": 0, "quantize_axis": 1, "block_size": BLOCK, "bits": bits}
        return self.node("GatherBlockQuantized", codes, ids, scales, zeros, domain=MICROSOFT, **attributes)

    def _quantised(
        self,
        name: str,
        elem_type: int,
        elem_bits: int,
        codes: Sequence[int],
        scales: Sequence[int],
        zeros: Sequence[int],
        std: float,
        float_zeros: bool = False,
    ) -> tuple[str, ...]:
        """Random codes, scales and zero points (without, if `zeros` is empty), of roughly `std` once read."""
        bits = self.precision.bits
        middle = 1 << (bits - 1)
        # Standard deviation of a uniform code; zero points stray from the middle by a sixteenth of it.
        step = std / ((1 << bits) / np.sqrt(12))
        stray = max(1, middle // 16)

        def draw_codes(rng: np.random.Generator) -> NDArray:
            return np.frombuffer(rng.bytes(_nbytes(codes, elem_bits)), np.uint8)

        def draw_scales(rng: np.random.Generator) -> NDArray:
            return (rng.uniform(0.8, 1.2, scales) * step).astype(self.precision.float_dtype)

        def draw_zeros(rng: np.random.Generator) -> NDArray:
            count = _nbytes(zeros, elem_bits)
            points = rng.integers(middle - stray, middle + stray, (2, count), np.uint8, endpoint=True)
            return points[0] if bits == 8 else points[0] | points[1] << 4

        def draw_float_zeros(rng: np.random.Generator) -> NDArray:
            return rng.uniform(middle - stray, middle + stray, zeros).astype(self.precision.float_dtype)

        points = f"{name}_zero_points"
        weights = (
            self._external(f"{name}_Q{bits}", elem_type, codes, elem_bits, draw_codes),
            self._float(f"{name}_scales", scales, draw_scales),
        )
        if not zeros:
            return weights
        return (
            *weights,
            self._float(points, zeros, draw_float_zeros)
            if float_zeros
            else self._external(points, elem_type, zeros, elem_bits, draw_zeros),
        )

    def _float(self, name: str, shape: Sequence[int], draw: Draw) -> str:
        return self._external(name, self.precision.float_type, shape, self.precision.float_bits, draw)

    def _external(self, name: str, elem_type: int, shape: Sequence[int], elem_bits: int, draw: Draw) -> str:
        length = _nbytes(shape, elem_bits)
        if self._sidecar is not None:
            rng = np.random.default_rng([self._seed, zlib.crc32(f"{self.name}/{name}".encode())])
            self._sidecar.write(memoryview(np.ascontiguousarray(draw(rng))).cast("B"))
        tensor = TensorProto(name=name, data_type=elem_type, dims=shape, data_location=TensorProto.EXTERNAL)
        location = f"{self.name}{self.precision.suffix}.onnx_data"
        where = {"location": location, "offset": self.data_bytes, "length": length}
        for key, value in where.items():
            tensor.external_data.add(key=key, value=str(value))
        self._weights.append(tensor)
        self.data_bytes += length
        return name

    def model(self) -> ModelProto:
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [helper.make_tensor_value_info(*edge) for edge in self._inputs],
            [helper.make_tensor_value_info(*edge) for edge in self._outputs],
            [*self._weights, *self._constants.values()],
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1)]
        ir_version = IR_VERSION if self.opset <= OPSET else IR_VERSION_OF_ATTENTION
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=ir_version, producer_name="loquor-bundles"
        )


def write_graph(
    folder: Path, name: str, precision: Precision, seed: int, build: Callable[[Graph], None]
) -> None:
    """Writes `<name><suffix>.onnx` and its sidecar into `folder`."""
    path = folder / f"{name}{precision.suffix}.onnx"
    with path.with_suffix(".onnx_data").open("wb") as sidecar:
        graph = Graph(name, precision, seed, sidecar)
        build(graph)
    path.write_bytes(graph.model().SerializeToString(deterministic=True))


def _nbytes(shape: Sequence[int], elem_bits: int) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return -(-count * elem_bits // 8)
