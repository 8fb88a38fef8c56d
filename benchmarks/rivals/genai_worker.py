"""onnxruntime-genai on the graph that Loquor prepared, with a table of embeddings before it: it takes ids.

Run as llama_cpp_worker.py is. Needs onnxruntime-genai and onnx, none of ours.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def write_model(folder: Path, facts: dict[str, Any]) -> None:
    import numpy as np
    import onnx

    model = onnx.load(facts["graph"], load_external_data=False)
    graph = model.graph
    table = np.random.default_rng(0).standard_normal((facts["vocabulary"], facts["hidden"]), np.float32)
    graph.initializer.append(onnx.numpy_helper.from_array(table, "rival_table"))
    embeds = next(value for value in graph.input if value.name == "inputs_embeds")
    graph.input.remove(embeds)
    ids = onnx.helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["batch", "sequence"])
    graph.input.insert(0, ids)
    graph.node.insert(0, onnx.helper.make_node("Gather", ["rival_table", "input_ids"], ["inputs_embeds"]))
    source = Path(facts["source"]).parent
    locations = {e.value for t in graph.initializer for e in t.external_data if e.key == "location"}
    for location in locations:  # a link would lead out of the folder, which the runtime refuses
        weights = (source / location).resolve()
        try:
            os.link(weights, folder / location)
        except OSError:
            shutil.copyfile(weights, folder / location)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "genai_config.json").write_text(json.dumps(config(facts, model)), encoding="utf-8")


def config(facts: dict[str, Any], model: Any) -> dict[str, Any]:
    inputs = {value.name for value in model.graph.input}
    names = {name: name for name in ("input_ids", "attention_mask", "position_ids") if name in inputs}
    past = {f"past_{part}_names": f"past_key_values.%d.{part}" for part in ("key", "value")}
    present = {f"present_{part}_names": f"present.%d.{part}" for part in ("key", "value")}
    last = facts["vocabulary"] - 1
    decoder = {
        "session_options": {
            "intra_op_num_threads": facts["threads"],
            "provider_options": [],
            "custom_ops_library": facts["operators"],  # of the graph that Loquor prepared
        },
        "filename": "model.onnx",
        "head_size": facts["hidden"] // facts["heads"],
        "hidden_size": facts["hidden"],
        "inputs": {**names, **past},
        "outputs": {"logits": "logits", **present},
        "num_attention_heads": facts["heads"],
        "num_hidden_layers": facts["layers"],
        "num_key_value_heads": facts["heads"],
    }
    return {
        "model": {
            "type": "gpt2" if "position_ids" not in inputs else "llama",
            "context_length": facts["most"],
            "vocab_size": facts["vocabulary"],
            "bos_token_id": last,
            "eos_token_id": last,
            "pad_token_id": last,
            "decoder": decoder,
        },
        "search": {"do_sample": False, "max_length": facts["most"], "past_present_share_buffer": True},
    }


class Model:
    def __init__(self, facts: dict[str, Any]) -> None:
        import onnxruntime_genai

        self.api = onnxruntime_genai
        folder = Path(facts["folder"]) / "genai"
        folder.mkdir()
        write_model(folder, facts)
        self.vocabulary, self.most = facts["vocabulary"], facts["most"]
        self.model = onnxruntime_genai.Model(str(folder))

    def answer(self, context: int, steps: int) -> dict[str, float]:
        """The search drops the end of the text, so that a run is as long as it is asked to be."""
        params = self.api.GeneratorParams(self.model)
        params.set_search_options(
            do_sample=False, max_length=self.most, min_length=self.most, past_present_share_buffer=True
        )
        generator = self.api.Generator(self.model, params)
        start = time.perf_counter()
        generator.append_tokens([position * 7 % (self.vocabulary - 1) for position in range(context)])
        generator.generate_next_token()
        prefill = time.perf_counter() - start
        start = time.perf_counter()
        for _ in range(steps):
            generator.generate_next_token()
        return {"prefill": prefill, "step": (time.perf_counter() - start) / max(steps, 1)}


def main() -> None:
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes elsewhere
    try:
        model = Model(json.loads(sys.stdin.readline()))
        print(json.dumps({"name": "onnxruntime-genai", "version": version("onnxruntime-genai")}), file=out)
        for line in sys.stdin:
            print(json.dumps(model.answer(**json.loads(line))), file=out)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=out)


if __name__ == "__main__":
    main()
