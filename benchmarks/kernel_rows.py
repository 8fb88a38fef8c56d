"""Which kernels of the runtime round a row differently when it is not alone?

    python benchmarks/kernel_rows.py [--threads 2]

A decode step of several requests runs the same kernels on more rows. Each product of a language model's size
is run on 4 rows at once and on each of them alone; shown is the largest difference relative to the largest
value, "=" where every bit is the same. `determinism.py` asks the same of whole models.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

K, N, BLOCK, ROWS = 1024, 4096, 32, 4
MICROSOFT = "com.microsoft"


def nbits(bits: int, level: int, *, symmetric: bool) -> dict[str, Any]:
    rng = np.random.default_rng(bits)
    codes = rng.integers(0, 256, (N, K // BLOCK, BLOCK * bits // 8), dtype=np.uint8)
    scales = rng.uniform(0.001, 0.002, (N, K // BLOCK)).astype(np.float32)
    zeros = rng.integers(0, 256, (N, K // BLOCK * bits // 8), dtype=np.uint8)
    weights = {"codes": codes, "scales": scales} | ({} if symmetric else {"zeros": zeros})
    given = {"K": K, "N": N, "bits": bits, "block_size": BLOCK, "accuracy_level": level, "domain": MICROSOFT}
    return {"op": "MatMulNBits", "weights": weights, "attributes": given}


def plain(op: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    if op == "MatMul":
        return {"op": op, "weights": {"w": rng.standard_normal((K, N)).astype(np.float32)}, "attributes": {}}
    weights = {name: rng.standard_normal(K).astype(np.float32) for name in ("scale", "bias")}
    return {"op": op, "weights": weights, "attributes": {"axis": -1}}


KERNELS = {
    "MatMul, float32": plain("MatMul"),
    "LayerNormalization": plain("LayerNormalization"),
    **{
        f"MatMulNBits, {bits} bits, accuracy_level {level}{', symmetric' if symmetric else ''}": nbits(
            bits, level, symmetric=symmetric
        )
        for bits in (4, 8)
        for level in (0, 4)
        for symmetric in (False, True)
    },
}


def difference(kernel: dict[str, Any], threads: int) -> float:
    """Largest difference of a row among others from itself alone, relative to the largest value."""
    node = helper.make_node(kernel["op"], ["x", *kernel["weights"]], ["y"], **kernel["attributes"])
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", None]) for name in "xy"]
    weights = [numpy_helper.from_array(array, name) for name, array in kernel["weights"].items()]
    graph = helper.make_graph([node], "kernel", ports[:1], ports[1:], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    rows = np.random.default_rng(1).standard_normal((ROWS, K)).astype(np.float32)
    together = session.run(None, {"x": rows})[0]
    alone = np.concatenate([session.run(None, {"x": row[np.newaxis]})[0] for row in rows])
    return float(np.abs(together - alone).max() / np.abs(alone).max())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print(f"{ROWS} rows at once against each alone, onnxruntime {ort.__version__}, {args.threads} threads")
    for name, kernel in KERNELS.items():
        found = difference(kernel, args.threads)
        print(f"  {name:50}{'=' if found == 0 else f'{found:.0e}'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
