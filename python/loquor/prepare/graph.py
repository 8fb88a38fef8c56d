"""An ONNX graph to look around in and to change: who makes a value, who uses it, what is constant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LOQUOR", "MICROSOFT", "Graph", "RefusedError", "attributes_of", "external_place"]

MICROSOFT = "com.microsoft"
LOQUOR = "loquor"  # operators of the core's own
_PREFIX = "loquor_"  # of every name that a rewrite brings in
_SMALL = 4096  # elements of a constant worth reading: the weights stay on disk


class RefusedError(Exception):
    """A rewrite does not apply; the message says what was expected and what was found."""


def attributes_of(node: NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def external_place(tensor: TensorProto) -> tuple[str, int, int]:
    """Location, offset and length in bytes of a tensor's external data; -1: to the end of the file."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    return entries.get("location", ""), int(entries.get("offset", 0)), int(entries.get("length", -1))


class Graph:
    """A model whose weights stay where they are: external data is referred to, read only where it is small.

    `weights_folder` is what the locations of external data start from.
    """

    def __init__(self, model: ModelProto, weights_folder: Path) -> None:
        self.model = model
        self.folder = weights_folder
        self._nodes: list[NodeProto] = list(model.graph.node)
        self._counter: Counter[str] = Counter()
        self._ranks: dict[str, int | None] = {}
        self.initializers: dict[str, TensorProto] = {
            tensor.name: tensor for tensor in model.graph.initializer
        }
        self.inputs = {value.name: value for value in model.graph.input}
        self.outputs = {value.name: value for value in model.graph.output}
        self._taken = {name for node in self._nodes for name in (node.name, *node.input, *node.output)}
        self._taken |= {*self.initializers, *self.inputs}
        self._index()

    def _index(self) -> None:
        self._producers = {name: node for node in self._nodes for name in node.output if name}
        self._consumers: dict[str, list[NodeProto]] = {}
        for node in self._nodes:
            for name in dict.fromkeys(node.input):
                self._consumers.setdefault(name, []).append(node)

    # --- Looking ---

    def nodes(self, *ops: str) -> list[NodeProto]:
        """The nodes with one of these operators, in a list of its own: the graph may change meanwhile."""
        return [node for node in self._nodes if not ops or node.op_type in ops]

    def producer(self, value: str) -> NodeProto | None:
        return self._producers.get(value)

    def consumers(self, value: str) -> list[NodeProto]:
        return list(self._consumers.get(value, ()))

    def only_used_by(self, value: str, node: NodeProto) -> bool:
        return value not in self.outputs and all(user is node for user in self._consumers.get(value, ()))

    def made_by(self, value: str, *ops: str) -> NodeProto | None:
        """The node that makes a value, if its operator is one of these."""
        node = self._producers.get(value)
        return node if node is not None and node.op_type in ops else None

    def is_weight(self, value: str) -> bool:
        """Whether a value is the same in every run: an initializer, or computed from such alone."""
        if value in self.initializers:
            return True
        node = self._producers.get(value)
        return node is not None and all(self.is_weight(name) for name in node.input if name)

    def constant(self, value: str) -> npt.NDArray[Any] | None:
        """A small constant's content, through Identity and Cast; None if it is large or none."""
        if tensor := self.initializers.get(value):
            return self._read(tensor) if int(np.prod(tensor.dims)) <= _SMALL else None
        node = self._producers.get(value)
        if node is None:
            return None
        if node.op_type == "Identity":
            return self.constant(node.input[0])
        if node.op_type == "Cast" and (inner := self.constant(node.input[0])) is not None:
            return inner.astype(helper.tensor_dtype_to_np_dtype(attributes_of(node)["to"]))
        if node.op_type != "Constant":
            return None
        content = next(iter(attributes_of(node).values()))
        return numpy_helper.to_array(content) if isinstance(content, TensorProto) else np.asarray(content)

    def scalar(self, value: str) -> float | None:
        """The number in a constant of one element."""
        array = self.constant(value)
        return float(array.reshape(())) if array is not None and array.size == 1 else None

    def _read(self, tensor: TensorProto) -> npt.NDArray[Any]:
        if tensor.data_location != TensorProto.EXTERNAL:
            return numpy_helper.to_array(tensor)
        location, offset, length = external_place(tensor)
        with (self.folder / location).open("rb") as file:  # may be a link, which onnx (1.23) refuses
            file.seek(offset)
            content = file.read(length)
        copy = TensorProto(data_type=tensor.data_type, dims=tensor.dims, raw_data=content)
        return numpy_helper.to_array(copy)

    def through(self, value: str, *ops: str) -> str:
        """Follows a value upstream through nodes of these operators (by their first input)."""
        while node := self.made_by(value, *ops):
            value = node.input[0]
        return value

    def rank(self, value: str) -> int | None:
        """Number of axes where it can be told from the graph's inputs, else None."""
        if value not in self._ranks:
            self._ranks[value] = None  # while looking: a loop would be no graph
            self._ranks[value] = self._find_rank(value)
        return self._ranks[value]

    def _find_rank(self, value: str) -> int | None:
        if value in self.inputs:
            return len(self.inputs[value].type.tensor_type.shape.dim)
        if value in self.initializers:
            return len(self.initializers[value].dims)
        node = self._producers.get(value)
        if node is None:
            return None
        if node.op_type == "Constant":
            array = self.constant(value)
            return None if array is None else array.ndim
        if node.op_type in _ELEMENTWISE:
            ranks = [self.rank(name) for name in node.input if name]
            return None if None in ranks else max(rank for rank in ranks if rank is not None)
        if node.op_type in _KEEPS_FIRST:
            return self.rank(node.input[0])
        if node.op_type == "Gemm":
            return 2
        if node.op_type == "Unsqueeze":
            inner, axes = self.rank(node.input[0]), attributes_of(node).get("axes")
            given = self.constant(node.input[1]) if len(node.input) > 1 else np.asarray(axes or [])
            return None if inner is None or given is None else inner + int(given.size)
        if node.op_type == "Transpose":
            perm = attributes_of(node).get("perm")
            return len(perm) if perm else self.rank(node.input[0])
        if node.op_type == "Reshape":
            return self._length(node.input[1])
        if node.op_type in ("Gather", "GatherBlockQuantized"):
            data, indices = self.rank(node.input[0]), self.rank(node.input[1])
            return None if data is None or indices is None else data + indices - 1
        return None

    def _length(self, vector: str) -> int | None:
        """Elements of a shape that is computed in the graph."""
        if (constant := self.constant(vector)) is not None:
            return int(constant.size)
        node = self._producers.get(vector)
        if node is None:
            return None
        if node.op_type == "Concat":
            lengths = [self._length(name) for name in node.input]
            return None if None in lengths else sum(length for length in lengths if length is not None)
        if node.op_type == "Gather":
            return self._length(node.input[1])
        if node.op_type == "Shape" and {"start", "end"} <= attributes_of(node).keys():
            return int(attributes_of(node)["end"] - attributes_of(node)["start"])
        return 1 if node.op_type == "Unsqueeze" and self.rank(node.input[0]) == 0 else None

    # --- Changing ---

    def fresh(self, hint: str) -> str:
        """A name that nothing has yet."""
        while True:
            self._counter[hint] += 1
            name = f"{_PREFIX}{hint}_{self._counter[hint]}"
            if name not in self._taken:
                self._taken.add(name)
                return name

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        *,
        outputs: int | Sequence[str] = 1,
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """Adds a node and returns the names of its outputs; its place in the order comes later."""
        names = (
            [self.fresh(op.lower()) for _ in range(outputs)] if isinstance(outputs, int) else list(outputs)
        )
        node = helper.make_node(op, inputs, names, name=self.fresh("node"), domain=domain, **attributes)
        self._nodes.append(node)
        self._taken.update(names)
        for name in names:
            if name:
                self._producers[name] = node
        for name in dict.fromkeys(inputs):
            self._consumers.setdefault(name, []).append(node)
        if domain:
            self._import(domain)
        return names

    def add_constant(self, array: npt.NDArray[Any], hint: str) -> str:
        """An initializer kept inside the graph file."""
        name = self.fresh(hint)
        self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def int64(self, *values: int) -> str:
        return self.add_constant(np.asarray(values, np.int64), "ints")

    def add_input(self, name: str, elem_type: int, dims: Sequence[int | str] | None) -> str:
        self.inputs[name] = helper.make_tensor_value_info(name, elem_type, dims)
        return name

    def output_to_input(self, name: str) -> None:
        """What the graph gave out is given to it from now on; whoever made it is cut off."""
        self._rename_producer(name)
        self.inputs[name] = self.outputs.pop(name)

    def replace(self, old: str, new: str) -> None:
        """Everyone who used `old` uses `new` from now on; a graph output keeps its name."""
        for node in self._consumers.pop(old, []):
            if new in node.output:
                self._consumers.setdefault(old, []).append(node)
                continue
            for index, name in enumerate(node.input):
                if name == old:
                    node.input[index] = new
            self._consumers.setdefault(new, []).append(node)
        if old in self.outputs:
            self._rename_producer(old)
            self.add("Identity", [new], outputs=[old])

    def name_output(self, output: str, value: str) -> None:
        """The graph's `output` is `value` from now on; whoever made it before is cut off."""
        if self.producer(output) is not None:
            self._rename_producer(output)
        node = self._producers.pop(value)
        node.output[list(node.output).index(value)] = output
        self._producers[output] = node
        for user in self._consumers.pop(value, []):
            for index, name in enumerate(user.input):
                if name == value:
                    user.input[index] = output
            self._consumers.setdefault(output, []).append(user)

    def cast_output(self, output: str, elem_type: int) -> None:
        """The graph's `output` is cast to this type at the end; within, all use it as it is made."""
        node = self._producers[output]
        inner = self.fresh("uncast")
        node.output[list(node.output).index(output)] = inner
        self._producers[inner] = self._producers.pop(output)
        for user in self._consumers.pop(output, []):
            for index, name in enumerate(user.input):
                if name == output:
                    user.input[index] = inner
            self._consumers.setdefault(inner, []).append(user)
        self.add("Cast", [inner], outputs=[output], to=elem_type)

    def cast_value(self, value: str, elem_type: int) -> None:
        """All who use a value get it in this type."""
        node = self._producers.pop(value)
        inner = self.fresh("uncast")
        node.output[list(node.output).index(value)] = inner
        self._producers[inner] = node
        self.add("Cast", [inner], outputs=[value], to=elem_type)

    def rename_initializer(self, old: str, new: str) -> None:
        """Another name, so that something else can go by the old one."""
        tensor = self.initializers.pop(old)
        tensor.name = new
        self.initializers[new] = tensor

    def _rename_producer(self, output: str) -> None:
        node = self._producers.pop(output)
        for index, name in enumerate(node.output):
            if name == output:
                node.output[index] = self.fresh("replaced")

    def set_input(self, node: NodeProto, index: int, value: str) -> None:
        """Gives one node another input, adding empty ones before it where it had fewer."""
        while len(node.input) <= index:
            node.input.append("")
        old = node.input[index]
        node.input[index] = value
        users = self._consumers.get(old, [])
        if old not in node.input:
            users[:] = [user for user in users if user is not node]
        if all(user is not node for user in self._consumers.setdefault(value, [])):
            self._consumers[value].append(node)

    def remove(self, nodes: Iterable[NodeProto]) -> None:
        gone = {id(node) for node in nodes}
        self._nodes = [node for node in self._nodes if id(node) not in gone]
        self._index()

    def prune(self) -> None:
        """Drops what no output needs, and sorts the nodes so that each comes after what it reads."""
        ordered: list[NodeProto] = []
        done: set[int] = set()
        # Iterative depth-first walk from the outputs, in their order: deep graphs exceed Python's stack.
        stack = [(node, False) for name in reversed(self.outputs) if (node := self._producers.get(name))]
        while stack:
            node, visited = stack.pop()
            if visited:
                ordered.append(node)
            elif id(node) not in done:
                done.add(id(node))
                stack.append((node, True))
                needed = [self._producers.get(name) for name in reversed(self._reads(node))]
                stack.extend(
                    (other, False) for other in needed if other is not None and id(other) not in done
                )
        self._nodes = ordered
        self._index()
        used = {name for node in ordered for name in self._reads(node)} | set(self.outputs)
        self.initializers = {name: tensor for name, tensor in self.initializers.items() if name in used}

    def _reads(self, node: NodeProto) -> list[str]:
        names = [name for name in node.input if name]
        for attribute in node.attribute:  # a branch or loop body reads outer values by name
            for body in (attribute.g, *attribute.graphs) if attribute.type in (5, 10) else ():
                names += [name for inner in body.node for name in self._reads(inner)]
                names += [value.name for value in body.output]
        return names

    def walk(
        self, value: str, through: set[str], found: Callable[[NodeProto, str], bool]
    ) -> Iterator[NodeProto]:
        """Nodes below `value` for which `found(node, input name)`, reached through these operators."""
        front, seen = [value], {value}
        while front:
            name = front.pop(0)
            for node in self.consumers(name):
                if found(node, name):
                    yield node
                elif node.op_type in through:
                    front += [output for output in node.output if output not in seen]
                    seen.update(node.output)

    def _import(self, domain: str) -> None:
        if all(opset.domain != domain for opset in self.model.opset_import):
            self.model.opset_import.append(helper.make_opsetid(domain, 1))

    def finish(self) -> ModelProto:
        """The model with all changes, pruned; shapes of inner values may have changed and are left out."""
        self.prune()
        graph = self.model.graph
        for field, content in (
            ("node", self._nodes),
            ("initializer", self.initializers.values()),
            ("input", self.inputs.values()),
            ("output", self.outputs.values()),
            ("value_info", ()),
        ):
            kept = [type(item).FromString(item.SerializeToString()) for item in content]
            graph.ClearField(field)
            getattr(graph, field).extend(kept)
        return self.model


_ELEMENTWISE = {"Add", "Sub", "Mul", "Div", "Pow", "Where", "Max", "Min"}
_KEEPS_FIRST = {
    "LayerNormalization", "SkipLayerNormalization", "MatMul", "MatMulNBits", "FastGelu", "Gelu", "BiasGelu",
    "Split", "Slice", "Identity", "Cast", "Tanh", "Sqrt", "Softmax", "Sin", "Cos", "Concat", "Dropout",
    "Reciprocal", "GroupQueryAttention", "MultiHeadAttention", "BlockProduct", "Widen",
    "Int16Product", "Int16Attention", "ToomCookConv", "Mish", "Snake",
}  # fmt: skip
