"""The phase of a decoder's sine source, so that windows of one utterance can carry it on.

A source sums frequencies up from the first sample that it is given, so a window that begins later would start
its sines anew and meet what was heard before at any angle. The sum is shifted here so that it has a given
phase at a given sample:

* input `loquor_phase`: cycles, modulo 1, of each harmonic at the anchor; of any shape that broadcasts
* input `loquor_phase_at`, int64 [2]: samples of the anchor and of the next one, negative ones from the end
* output `loquor_phase_next`: the phase just before the second sample

Zero at sample 0 changes nothing, not a bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from .graph import Graph, attributes_of

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["PHASE_INPUTS", "PHASE_NEXT", "anchor_phase", "sine_source"]

PHASE_INPUTS: dict[str, npt.NDArray[Any]] = {
    "loquor_phase": np.zeros(1, np.float32),
    "loquor_phase_at": np.array([0, -1], np.int64),
}
"""Inputs that an anchored phase adds, with values that leave the source as it was."""
PHASE_NEXT = "loquor_phase_next"

_PHASE, _AT = PHASE_INPUTS
_BETWEEN = {"Cast", "Floor", "Sub", "Mul", "Add", "Mod", "Div"}


def sine_source(graph: Graph) -> NodeProto | None:
    """The one running sum whose whole cycles are dropped before it becomes a sine."""
    found = []
    for node in graph.nodes("CumSum"):
        given = attributes_of(node)
        whole = graph.walk(node.output[0], {"Cast", "Div"}, lambda user, _: user.op_type in ("Floor", "Mod"))
        sines = graph.walk(node.output[0], _BETWEEN, lambda user, _: user.op_type == "Sin")
        plain = not given.get("exclusive") and not given.get("reverse")
        if plain and graph.constant(node.input[1]) is not None and any(whole) and any(sines):
            found.append(node)
    return found[0] if len(found) == 1 else None


def anchor_phase(graph: Graph, source: NodeProto) -> int:
    """Gives the source its anchor; returns 1, the number of sources."""
    kind: int = TensorProto.FLOAT
    if cast := graph.made_by(source.input[0], "Cast"):
        kind = int(attributes_of(cast)["to"])
    axis = int(np.asarray(graph.constant(source.input[1])).reshape(()))
    total, users = source.output[0], graph.consumers(source.output[0])
    phase, at = graph.add_input(_PHASE, TensorProto.FLOAT, None), graph.add_input(_AT, TensorProto.INT64, [2])
    anchor, following = graph.add("Split", [at], outputs=2, num_outputs=2)
    # What was summed up before the anchor; before the next one, which may lie behind the last sample.
    before = graph.add("Sub", [total, source.input[0]])[0]
    past = graph.add("Gather", [before, anchor], axis=axis)[0]
    shift = graph.add("Sub", [graph.add("Cast", [phase], to=kind)[0], past])[0]
    shifted = graph.add("Add", [total, shift])[0]
    for user in users:
        for index, name in enumerate(user.input):
            if name == total:
                graph.set_input(user, index, shifted)
    reached = graph.add("Gather", [shifted, following], axis=axis)[0]
    cycles = graph.add("Sub", [reached, graph.add("Floor", [reached])[0]])[0]
    graph.add("Cast", [cycles], outputs=[PHASE_NEXT], to=TensorProto.FLOAT)
    graph.outputs[PHASE_NEXT] = helper.make_tensor_value_info(PHASE_NEXT, TensorProto.FLOAT, None)
    return 1
