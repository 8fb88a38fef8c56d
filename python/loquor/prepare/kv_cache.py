"""A KV cache in fewer bytes: float16, or int8 with one scale a layer for keys and one for values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, helper, numpy_helper

from .. import _core
from .alignment import WEIGHTS_OPERATOR
from .graph import RefusedError
from .own_attention import OWN_ATTENTION

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["KV_ROUNDED", "KV_TYPES", "Scales", "retype_cache", "scales_of"]

KV_TYPES = {
    name: helper.np_dtype_to_tensor_dtype(np.dtype(numpy)) for name, numpy in _core.kv_dtypes().items()
}
KV_ROUNDED = {"int8": 0.5}
"""Allowed difference of a retyped cache where it is more than that of rounded activations. The check's input
is no speech, so that scales do not suit it well."""

Scales = list[float]
"""One for each cache tensor, in the order of the inputs: keys and values of layer 0, of layer 1, ..."""

_HEADROOM = 1.1  # over the largest value that calibration saw: what lies beyond is clipped
_KEY_SCALE = {"GroupQueryAttention": 12, OWN_ATTENTION: 7}
"""Place among the inputs, by operator; the values' scale follows."""


def scales_of(caches: list[list[npt.NDArray[Any]]]) -> Scales:
    """Scales for the caches of several runs, each [rows, heads, positions, head_dim]."""
    return [
        max(float(np.abs(cache).max()) for cache in tensor) * _HEADROOM / 127
        for tensor in zip(*caches, strict=True)
    ]


def retype_cache(model: ModelProto, kv_dtype: str, scales: Scales) -> ModelProto:
    """Changes the type of past and present, in place, to steps of `scales` if there are any.

    Raises `RefusedError`.
    """
    elem_type = KV_TYPES[kv_dtype]
    pasts = [value for value in model.graph.input if value.name.startswith("past_key_values.")]
    presents = [value for value in model.graph.output if value.name.startswith("present.")]
    for value in (*pasts, *presents):
        value.type.tensor_type.elem_type = elem_type
    if not scales:
        return model
    place = {value.name: index for index, value in enumerate(pasts)}
    scale_of_key = {}
    for node in model.graph.node:
        if node.op_type not in _KEY_SCALE:
            continue
        if any(attribute.name == "k_quant_type" for attribute in node.attribute):
            raise RefusedError("its KV cache is quantised already")
        node.input.extend([""] * (_KEY_SCALE[node.op_type] - len(node.input)))
        for past in node.input[3:5]:
            name = f"loquor_scale_{past}"
            scale = np.asarray([scales[place[past]]], np.float32)
            model.graph.initializer.append(numpy_helper.from_array(scale, name))
            node.input.append(name)
        scale_of_key[node.output[1]] = node.input[_KEY_SCALE[node.op_type]]
        if node.op_type == "GroupQueryAttention":
            attributes = {"k_quant_type": "PER_TENSOR", "v_quant_type": "PER_TENSOR", "kv_cache_bit_width": 8}
            node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    for node in model.graph.node:
        if node.op_type == WEIGHTS_OPERATOR:
            node.input.append(scale_of_key[node.input[1]])
    return model
