"""Ways to damage a copy of a single-precision tiny bundle, for tests of what a loader says about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, TensorProto, helper, numpy_helper

from .dims import GRAPHS

Breakage = Callable[[Path], None]


def missing_graph(bundle: Path) -> None:
    """language_model.onnx is gone."""
    _graph(bundle, "language_model").unlink()


def missing_data(bundle: Path) -> None:
    """language_model.onnx_data is gone."""
    _data(bundle, "language_model").unlink()


def missing_tokenizer(bundle: Path) -> None:
    """tokenizer.json is gone."""
    (bundle / "tokenizer.json").unlink()


def truncated_data(bundle: Path) -> None:
    """The second half of language_model.onnx_data never arrived."""
    path = _data(bundle, "language_model")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def truncated_graph(bundle: Path) -> None:
    """The second half of embed_tokens.onnx never arrived."""
    path = _graph(bundle, "embed_tokens")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbage_graph(bundle: Path) -> None:
    """conditional_decoder.onnx is no protobuf."""
    _graph(bundle, "conditional_decoder").write_bytes(np.random.default_rng(0).bytes(4096))


def empty_graph_file(bundle: Path) -> None:
    """speech_encoder.onnx holds no bytes."""
    _graph(bundle, "speech_encoder").write_bytes(b"")


def config_not_json(bundle: Path) -> None:
    """config.json is a web page."""
    (bundle / "config.json").write_text("<html>Not found</html>", encoding="utf-8")


def tokenizer_not_json(bundle: Path) -> None:
    """tokenizer.json is a web page."""
    (bundle / "tokenizer.json").write_text("<html>Not found</html>", encoding="utf-8")


def swapped_graphs(bundle: Path) -> None:
    """The graph files of embed_tokens and language_model changed places; each still finds its weights."""
    first, second = _graph(bundle, "embed_tokens"), _graph(bundle, "language_model")
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])


def double_embeds(bundle: Path) -> None:
    """embed_tokens returns float64."""

    def edit(graph: GraphProto) -> None:
        _insert_after_output(graph, "inputs_embeds", "Cast", to=TensorProto.DOUBLE)
        graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE

    _edit(bundle, "embed_tokens", edit)


def float_speech_tokens(bundle: Path) -> None:
    """conditional_decoder wants its codes as float32."""

    def edit(graph: GraphProto) -> None:
        _insert_after_input(graph, "speech_tokens", "Cast", to=TensorProto.INT64)
        _value(graph.input, "speech_tokens").type.tensor_type.elem_type = TensorProto.FLOAT

    _edit(bundle, "conditional_decoder", edit)


def extra_input(bundle: Path) -> None:
    """language_model has an input that no known family has."""

    def edit(graph: GraphProto) -> None:
        graph.input.append(helper.make_tensor_value_info("loudness", TensorProto.FLOAT, [1]))
        _rename_output(graph, "logits", "unscaled_logits")
        graph.node.append(helper.make_node("Mul", ["unscaled_logits", "loudness"], ["logits"]))

    _edit(bundle, "language_model", edit)


def missing_logits(bundle: Path) -> None:
    """language_model does not return logits."""
    _edit(bundle, "language_model", lambda graph: graph.output.remove(_value(graph.output, "logits")))


def missing_kv_output(bundle: Path) -> None:
    """language_model takes a past value for layer 1 but does not return it."""
    _edit(
        bundle, "language_model", lambda graph: graph.output.remove(_value(graph.output, "present.1.value"))
    )


def wrong_head_count(bundle: Path) -> None:
    """Layer 1 wants a past of one head more than layer 0 and than it returns."""

    def edit(graph: GraphProto) -> None:
        for part in ("key", "value"):
            name = f"past_key_values.1.{part}"
            heads = _value(graph.input, name).type.tensor_type.shape.dim[1]
            bounds = {"first": [0], "last": [heads.dim_value], "axis": [1]}
            for bound, value in bounds.items():
                graph.initializer.append(numpy_helper.from_array(np.array(value), f"{name}.{bound}"))
            _insert_after_input(graph, name, "Slice", *(f"{name}.{bound}" for bound in bounds))
            heads.dim_value += 1

    _edit(bundle, "language_model", edit)


def unknown_family(bundle: Path) -> None:
    """embed_tokens takes position_ids, but no exaggeration: neither Turbo nor English."""

    def edit(graph: GraphProto) -> None:
        shape = ["batch_size", "sequence_length"]
        graph.input.append(helper.make_tensor_value_info("position_ids", TensorProto.INT64, shape))
        _insert_after_input(graph, "input_ids", "Max", "position_ids")

    _edit(bundle, "embed_tokens", edit)


def width_mismatch(bundle: Path) -> None:
    """embed_tokens returns rows twice as wide as language_model takes."""

    def edit(graph: GraphProto) -> None:
        _rename_output(graph, "inputs_embeds", "half")
        graph.node.append(helper.make_node("Concat", ["half", "half"], ["inputs_embeds"], axis=2))
        graph.output[0].type.tensor_type.shape.dim[2].dim_value *= 2

    _edit(bundle, "embed_tokens", edit)


def shuffled_kv_outputs(bundle: Path) -> None:
    """The present outputs come in another order than the pasts: names pair them."""

    def edit(graph: GraphProto) -> None:
        outputs = sorted(graph.output, key=lambda output: output.name, reverse=True)
        del graph.output[:]
        graph.output.extend(outputs)

    _edit(bundle, "language_model", edit)


def shuffled_encoder_outputs(bundle: Path) -> None:
    """The encoder's outputs come in another order: names tell them apart."""

    def edit(graph: GraphProto) -> None:
        outputs = list(graph.output)[::-1]
        del graph.output[:]
        graph.output.extend(outputs)

    _edit(bundle, "speech_encoder", edit)


def missing_optional_files(bundle: Path) -> None:
    """Only the graphs and tokenizer.json are there: published bundles without config.json exist."""
    for name in (
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
    ):
        (bundle / name).unlink()


def half_boundaries(bundle: Path) -> None:
    """Every float32 input and output of the four graphs is float16, as some ports say of q4f16 bundles."""

    def edit(graph: GraphProto) -> None:
        for value in (*graph.input, *graph.output):
            tensor = value.type.tensor_type
            if tensor.elem_type != TensorProto.FLOAT:
                continue
            tensor.elem_type = TensorProto.FLOAT16
            inner = f"{value.name}.float32"
            for node in graph.node:
                node.input[:] = [inner if name == value.name else name for name in node.input]
            if value in graph.input:
                graph.node.insert(0, helper.make_node("Cast", [value.name], [inner], to=TensorProto.FLOAT))
            else:
                _rename_output(graph, value.name, inner)
                graph.node.append(helper.make_node("Cast", [inner], [value.name], to=TensorProto.FLOAT16))

    for name in GRAPHS:
        _edit(bundle, name, edit)


def fails_beyond(tokens: int) -> Breakage:
    """conditional_decoder fails when it is given more tokens than this, the voice's prompt included."""

    def edit(graph: GraphProto) -> None:
        constants = {"limit": [tokens], "one": [1], "minus_one": [-1]}
        for name, value in constants.items():
            graph.initializer.append(numpy_helper.from_array(np.array(value), name))
        _insert_after_input(graph, "speech_tokens", "Mul", "checked_one")
        for op, inputs, output in reversed(
            (
                ("Shape", ["speech_tokens"], "token_shape"),
                ("Gather", ["token_shape", "one"], "token_count"),
                ("Sub", ["limit", "token_count"], "room"),
                ("Min", ["room", "minus_one"], "lack"),
                ("Gather", ["one", "lack"], "checked_one"),  # an index of -2 and below is out of range
            )
        ):
            graph.node.insert(0, helper.make_node(op, inputs, [output]))

    return lambda bundle: _edit(bundle, "conditional_decoder", edit)


BREAKAGES: dict[str, Breakage] = {
    breakage.__name__: breakage
    for breakage in (
        missing_graph,
        missing_data,
        missing_tokenizer,
        truncated_data,
        truncated_graph,
        garbage_graph,
        empty_graph_file,
        config_not_json,
        tokenizer_not_json,
        swapped_graphs,
        double_embeds,
        float_speech_tokens,
        extra_input,
        missing_logits,
        missing_kv_output,
        wrong_head_count,
        unknown_family,
        width_mismatch,
    )
}
HARMLESS: dict[str, Breakage] = {
    change.__name__: change
    for change in (shuffled_kv_outputs, shuffled_encoder_outputs, missing_optional_files)
}


def broken_copy(bundle: Path, out: Path, breakage: Breakage) -> Path:
    """Copies `bundle` to `out`, damages the copy and returns it."""
    shutil.copytree(bundle, out)
    breakage(out)
    return out


def _graph(bundle: Path, name: str) -> Path:
    return bundle / "onnx" / f"{name}.onnx"


def _data(bundle: Path, name: str) -> Path:
    return bundle / "onnx" / f"{name}.onnx_data"


def _edit(bundle: Path, name: str, edit: Callable[[GraphProto], None]) -> None:
    """Edits the graph file alone; its weights stay where they are."""
    model = onnx.load(_graph(bundle, name), load_external_data=False)
    edit(model.graph)
    onnx.save(model, _graph(bundle, name))


def _value(values: list[onnx.ValueInfoProto], name: str) -> onnx.ValueInfoProto:
    return next(value for value in values if value.name == name)


def _rename_output(graph: GraphProto, name: str, new_name: str) -> None:
    """Renames a value at its producer, so that another node can produce the output."""
    for node in graph.node:
        node.output[:] = [new_name if output == name else output for output in node.output]


def _insert_after_output(graph: GraphProto, name: str, op: str, **attributes: object) -> None:
    _rename_output(graph, name, f"{name}.inner")
    graph.node.append(helper.make_node(op, [f"{name}.inner"], [name], **attributes))


def _insert_after_input(graph: GraphProto, name: str, op: str, *inputs: str, **attributes: object) -> None:
    for node in graph.node:
        node.input[:] = [f"{name}.inner" if value == name else value for value in node.input]
    graph.node.insert(0, helper.make_node(op, [name, *inputs], [f"{name}.inner"], **attributes))
