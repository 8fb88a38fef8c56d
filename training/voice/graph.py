"""A small builder of ONNX graphs: call it with an operator's name to add a node and get its output's name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
MICROSOFT = "com.microsoft"
IR_VERSION = 8
_SMALLEST_QUANTISED = 2048


class Graph:
    """Names are handles; anything that is not a `str` given to an operator becomes a constant."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def __call__(self, op: str, *arguments: str | ArrayLike, **attributes: Any) -> str:
        names = [a if isinstance(a, str) else self.constant(a) for a in arguments]
        output = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, names, [output], **attributes))
        return output

    def attention(
        self, qkv: str, past: Sequence[str], present: Sequence[str], filled: Sequence[str], heads: int
    ) -> str:
        """ONNX Runtime's GroupQueryAttention over packed [B, S, 3 * width], its cache in one buffer or two.

        `filled`: the last position of each row, int32 [B], and the mask's length, int32.
        """
        output = f"v{len(self._nodes)}"
        node = helper.make_node(
            "GroupQueryAttention", [qkv, "", "", *past, *filled], [output, *present],
            domain=MICROSOFT, num_heads=heads, kv_num_heads=heads,
        )  # fmt: skip
        self._nodes.append(node)
        return output

    def constant(self, value: ArrayLike) -> str:
        """Python and int64 integers stay int64, other floats become float32."""
        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = name = f"c{len(self._initializers)}"
            self._initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return self._constants[key]

    def weight(self, value: NDArray[np.floating], axis: int) -> str:
        """`value` in int8 with a scale along `axis`; ONNX Runtime folds it to float32 when it loads."""
        if value.size < _SMALLEST_QUANTISED:
            return self.constant(value.astype(np.float32))
        quantised, scale = quantise(value, axis)
        return self("Mul", self("Cast", quantised, to=TensorProto.FLOAT), scale)

    def input(self, name: str, shape: Sequence[int | str], dtype: int = TensorProto.FLOAT) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(
        self, value: str, name: str, shape: Sequence[int | str], dtype: int = TensorProto.FLOAT
    ) -> None:
        if value != name:
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, self._initializers)
        opsets = [helper.make_opsetid("", OPSET)]
        if any(node.domain == MICROSOFT for node in self._nodes):
            opsets.append(helper.make_opsetid(MICROSOFT, 1))
        model = helper.make_model(
            graph, opset_imports=opsets, producer_name="loquor-mini", ir_version=IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    # -- shapes

    def size(self, x: str, axis: int) -> str:
        """Dimension as int64 [1]."""
        return self("Gather", self("Shape", x), [axis], axis=0)

    def slice(self, x: str, axis: int, start: int | str, end: int | str) -> str:
        bounds = (b if isinstance(b, str) else self.constant([b]) for b in (start, end))
        return self("Slice", x, *bounds, [axis])

    def zeros(self, *shape: str | int, dtype: int = TensorProto.FLOAT) -> str:
        dims = self("Concat", *(s if isinstance(s, str) else self.constant([s]) for s in shape), axis=0)
        return self("ConstantOfShape", dims, value=helper.make_tensor("zero", dtype, [1], [0]))

    def integers(self, start: int, end: int | str) -> str:
        """int64 start..end-1; `end` may be an int64 [1]."""
        return self("Range", start, self("Squeeze", end, [0]) if isinstance(end, str) else end, 1)

    def float(self, x: str) -> str:
        return self("Cast", x, to=TensorProto.FLOAT)

    # -- layers, from their parameters as numpy arrays

    def linear(self, x: str, state: State, name: str) -> str:
        return self(
            "Add", self("MatMul", x, self.weight(state[f"{name}.weight"].T, 1)), state[f"{name}.bias"]
        )

    def norm(self, x: str, state: State, name: str) -> str:
        scale, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return self("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)

    def gelu(self, x: str) -> str:
        half = self("Mul", x, 0.5)
        return self("Mul", half, self("Add", self("Erf", self("Mul", x, 1 / math.sqrt(2))), 1.0))

    def gelu_tanh(self, x: str) -> str:
        cube = self("Mul", self("Mul", x, x), x)
        inner = self("Mul", self("Add", x, self("Mul", cube, 0.044715)), math.sqrt(2 / math.pi))
        return self("Mul", self("Mul", x, 0.5), self("Add", self("Tanh", inner), 1.0))

    def block(self, x: str, state: State, name: str) -> str:
        """codec.Block."""
        kernel = state[f"{name}.depthwise.weight"]
        channels, _, width = kernel.shape
        y = self(
            "Conv", self("Transpose", x, perm=[0, 2, 1]),
            self.weight(kernel, 0), state[f"{name}.depthwise.bias"],
            group=channels, kernel_shape=[width], pads=[width // 2, width // 2],
        )  # fmt: skip
        y = self.norm(self("Transpose", y, perm=[0, 2, 1]), state, f"{name}.norm")
        y = self.linear(self.gelu(self.linear(y, state, f"{name}.up")), state, f"{name}.down")
        return self("Add", x, self("Mul", y, state[f"{name}.gain"]))

    def blocks(self, x: str, state: State, name: str) -> str:
        count = len({key.split(".")[1] for key in state if key.startswith(f"{name}.")})
        for index in range(count):
            x = self.block(x, state, f"{name}.{index}")
        return x

    def stack(self, x: str, state: State) -> str:
        """codec.Stack."""
        x = self.blocks(self.linear(x, state, "input"), state, "blocks")
        return self.linear(self.norm(x, state, "norm"), state, "output")


State = dict[str, NDArray[Any]]
"""A network's parameters by name."""


def quantise(value: NDArray[np.floating], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(int8 values, float32 scales): symmetric, one scale for each index of `axis`."""
    others = tuple(i for i in range(value.ndim) if i != axis % value.ndim)
    scale = np.abs(value).max(axis=others, keepdims=True) / 127 + 1e-12
    return np.round(value / scale).astype(np.int8), scale.astype(np.float32)
