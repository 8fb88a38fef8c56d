#!/usr/bin/env bash
# onnx 1.23.2 and onnx-ir 1.1.0 (seen with Python 3.11): a hard link to a weights file, anywhere, spoils the original.
#
# Guess: external data that lies beside the model, as a plain file, is read, whatever other names the file has; `cp -al`
# is a copy like any other. Seen: both refuse a file with two names, the original too, until the
# other name is gone. ONNX Runtime 1.32.0 reads both. So a backup by hard links, or an installer that links packages out
# of its cache, leaves a model that runs and cannot be opened.
# Ends with 0 while this is so. Output seen:
#   alone: onnx 7.0, onnx-ir 7.0, ONNX Runtime 7.0
#   the original: onnx ValidationError, onnx-ir ValueError, ONNX Runtime 7.0
#   the linked copy: onnx ValidationError, onnx-ir ValueError, ONNX Runtime 7.0
#   alone again: onnx 7.0, onnx-ir 7.0, ONNX Runtime 7.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q onnx==1.23.2 onnx-ir==1.1.0 onnxruntime==1.32.0
cat > "$work/try.py" <<'PY'
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

work = Path(sys.argv[1])
weights = numpy_helper.from_array(np.arange(4096, dtype=np.float32), "w")
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4096]) for name in "xy")
graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "add", [x], [y], [weights])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
original, copy = work / "original", work / "copy"
original.mkdir()
onnx.save(model, original / "add.onnx", save_as_external_data=True, location="add.onnx_data")

READERS = {
    "onnx": lambda file: numpy_helper.to_array(onnx.load(file).graph.initializer[0])[7],
    "onnx-ir": lambda file: onnx_ir.load(file).graph.initializers["w"].const_value.numpy()[7],
    "ONNX Runtime": lambda file: onnxruntime.InferenceSession(file).run(None, {"x": np.zeros(4096, "f")})[0][7],
}


def look(what, folder):
    seen = []
    for read in READERS.values():
        try:
            seen.append(str(float(read(folder / "add.onnx"))))
        except Exception as error:
            seen.append(type(error).__name__)
    print(f"{what}:", ", ".join(map(" ".join, zip(READERS, seen, strict=True))))
    return seen


found = [look("alone", original)]
subprocess.run(["cp", "-al", original, copy], check=True)
found += [look("the original", original), look("the linked copy", copy)]
shutil.rmtree(copy)
found.append(look("alone again", original))
read, refused = ["7.0"] * 3, ["ValidationError", "ValueError", "7.0"]
sys.exit(found != [read, refused, refused, read])
PY
"$work/venv/bin/python" "$work/try.py" "$work"
