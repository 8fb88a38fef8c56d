"""What do int8 activations cost in quality, rounded block by block or all at once?

    python benchmarks/int8_forms.py [--steps 200]

8-bit weights can be multiplied in two ways on a CPU: MatMulNBits at accuracy level 4 rounds activations in
blocks of 32, DynamicQuantizeMatMul all of a product's together, which is faster on some machines. Here both
run the built-in voice, whose weights are int8 with a scale a column, so that neither rounds those again: the
divergence from the graph as it is comes from the activations alone. Figures as in `kv_quality.py`; and, since
one scale for all is shared by all rows, how far a prompt's last logits move when the prompt is run in two
pieces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from kv_quality import SENTENCES, Listener, draw
from onnx import ModelProto, NodeProto, helper, numpy_helper

import loquor
from loquor import _core
from loquor.base.runtime import open_runtime
from loquor.prepare.calibrate import Speaker
from loquor.prepare.check import Port, Run
from reference import uniform

MICROSOFT, BLOCK = "com.microsoft", 32
MINI = Path(loquor.__file__).parent / "mini"
Rewrite = Callable[[NodeProto, np.ndarray, np.ndarray], tuple[NodeProto, dict[str, np.ndarray]]]


def in_blocks(
    product: NodeProto, codes: np.ndarray, scale: np.ndarray
) -> tuple[NodeProto, dict[str, np.ndarray]]:
    """The same weights as MatMulNBits has them: every block of a column with the column's scale."""
    depth, width = codes.shape
    blocks = -(-depth // BLOCK)
    packed = np.full((width, blocks * BLOCK), 128, np.uint8)
    packed[:, :depth] = (codes.T.astype(np.int16) + 128).astype(np.uint8)
    name = product.output[0]
    weights = {
        f"{name}_codes": packed.reshape(width, blocks, BLOCK),
        f"{name}_scales": np.repeat(scale.reshape(width, 1), blocks, axis=1).astype(np.float32),
    }
    given: dict[str, Any] = {"K": depth, "N": width, "bits": 8, "block_size": BLOCK, "accuracy_level": 4}
    made = helper.make_node(
        "MatMulNBits", [product.input[0], *weights], list(product.output), domain=MICROSOFT, **given
    )
    return made, weights


def all_at_once(
    product: NodeProto, codes: np.ndarray, scale: np.ndarray
) -> tuple[NodeProto, dict[str, np.ndarray]]:
    name = product.output[0]
    weights = {f"{name}_codes": codes, f"{name}_scales": scale.reshape(-1).astype(np.float32)}
    inputs = [product.input[0], *weights]
    return helper.make_node("DynamicQuantizeMatMul", inputs, list(product.output), domain=MICROSOFT), weights


def rewritten(model: ModelProto, rewrite: Rewrite) -> tuple[ModelProto, int]:
    """Each product with weights of the form cast(int8) * scale is replaced; returns their number."""
    makers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, count = [], 0
    for node in model.graph.node:
        scaled = makers.get(node.input[1]) if node.op_type == "MatMul" else None
        cast = makers.get(scaled.input[0]) if scaled is not None and scaled.op_type == "Mul" else None
        if scaled is None or cast is None or cast.op_type != "Cast" or cast.input[0] not in constants:
            nodes.append(node)
            continue
        codes = numpy_helper.to_array(constants[cast.input[0]])
        made, weights = rewrite(node, codes, numpy_helper.to_array(constants[scaled.input[1]]))
        nodes.append(made)
        model.graph.initializer.extend(numpy_helper.from_array(*item[::-1]) for item in weights.items())
        count += 1
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    if all(opset.domain != MICROSOFT for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return model, count


def opened(model: ModelProto) -> Run:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(names, feeds), strict=True))


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    runtime, files = open_runtime(), _core.graph_files(str(MINI), "fp32")
    source = onnx.load(files["language_model"][0])
    ports = {value.name: Port.of(value) for value in source.graph.input}
    runs = {"as it is": opened(source)}
    for name, rewrite in (("in blocks of 32", in_blocks), ("all at once", all_at_once)):
        model, count = rewritten(ModelProto.FromString(source.SerializeToString()), rewrite)
        runs[f"{name} ({count} products)"] = opened(model)
    speaker = Speaker(MINI, lambda graph: _core.Graph(runtime, files[graph][0], threads=2).run)
    print(f"{'':30}{'mean KL':>10}{'largest':>10}{'same best':>11}{'same draw':>11}{'in pieces':>11}")
    found: dict[str, list[tuple[float, bool, bool]]] = {name: [] for name in runs}
    pieces: dict[str, float] = {}
    for seed, sentence in enumerate(SENTENCES):
        listeners = {name: Listener(run, ports) for name, run in runs.items()}
        embeds = speaker.prompt(sentence)
        for name, run in runs.items():
            apart, whole = Listener(run, ports), Listener(run, ports).hear(embeds)
            apart.hear(embeds[:, :-9])
            moved = np.abs(np.log(apart.hear(embeds[:, -9:]) + 1e-30) - np.log(whole + 1e-30)).max()
            pieces[name] = max(pieces.get(name, 0.0), float(moved))
        for step in range(args.steps):
            chances = {name: listener.hear(embeds) for name, listener in listeners.items()}
            truth, number = chances["as it is"], uniform(seed, step)
            token = draw(truth, number)
            for name, other in chances.items():
                divergence = float(np.sum(truth * (np.log(truth + 1e-300) - np.log(other + 1e-300))))
                same = int(np.argmax(other)) == int(np.argmax(truth))
                found[name].append((divergence, same, draw(other, number) == token))
            embeds = speaker.embed([token])
    for name, seen in found.items():
        kl, best, drawn = (np.asarray(column, float) for column in zip(*seen, strict=True))
        shares = f"{best.mean():11.1%}{drawn.mean():11.1%}{pieces[name]:11.1g}"
        print(f"{name:30}{kl.mean():10.5f}{kl.max():10.5f}{shares}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
