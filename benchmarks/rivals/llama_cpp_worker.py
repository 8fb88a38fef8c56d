"""llama.cpp through llama-cpp-python: a GPT-2 of the given dimensions, random weights, from a GGUF file.

Run by `rivals.Child`: facts come in as the first line, then questions; an answer a line goes out. Needs
llama-cpp-python and gguf, none of ours.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

TYPES = {"fp32": "F32", "fp16": "F16", "q8": "Q8_0", "q4": "Q4_0", "q4f16": "Q4_0"}


def write_model(path: Path, facts: dict[str, Any]) -> None:
    """Layers share their values, not their bytes: each is read from its own place."""
    import gguf
    import numpy as np

    hidden, rng = facts["hidden"], np.random.default_rng(0)
    kind = getattr(gguf.GGMLQuantizationType, TYPES[facts["dtype"]])
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_context_length(facts["positions"])
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(4 * hidden)
    writer.add_block_count(facts["layers"])
    writer.add_head_count(facts["heads"])
    writer.add_layer_norm_eps(1e-5)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(facts["vocabulary"])

    def product(rows: int, columns: int) -> Any:
        values = rng.standard_normal((rows, columns), np.float32) * columns**-0.5
        return values if kind.name == "F32" else gguf.quants.quantize(values, kind)

    def matrix(name: str, values: Any) -> None:
        if kind.name in ("F32", "F16"):
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, values, raw_dtype=kind)

    def vector(name: str, size: int, value: float = 0) -> None:
        writer.add_tensor(name, np.full(size, value, np.float32))

    products = {
        "attn_qkv": (3 * hidden, hidden),
        "attn_output": (hidden, hidden),
        "ffn_up": (4 * hidden, hidden),
        "ffn_down": (hidden, 4 * hidden),
    }
    made = {name: product(*shape) for name, shape in products.items()}
    matrix("token_embd.weight", product(facts["vocabulary"], hidden))
    matrix("output.weight", product(facts["vocabulary"], hidden))
    writer.add_tensor("position_embd.weight", rng.standard_normal((facts["positions"], hidden), np.float32))
    for part, value in (("weight", 1), ("bias", 0)):
        vector(f"output_norm.{part}", hidden, value)
    for layer in range(facts["layers"]):
        for name, (rows, _) in products.items():
            matrix(f"blk.{layer}.{name}.weight", made[name])
            vector(f"blk.{layer}.{name}.bias", rows)
        for norm in ("attn_norm", "ffn_norm"):
            vector(f"blk.{layer}.{norm}.weight", hidden, 1)
            vector(f"blk.{layer}.{norm}.bias", hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Model:
    """The model, and a context with flash attention and one without."""

    def __init__(self, facts: dict[str, Any]) -> None:
        import llama_cpp

        self.api = llama_cpp
        path = Path(facts["folder"]) / f"rival-{TYPES[facts['dtype']]}.gguf"
        write_model(path, facts)
        self.vocabulary = facts["vocabulary"]
        self.model = llama_cpp.llama_model_load_from_file(
            os.fsencode(path), llama_cpp.llama_model_default_params()
        )
        if not self.model:
            raise RuntimeError("llama.cpp cannot load the GGUF file that was made for it")
        self.contexts = {flash: self._context(facts, flash) for flash in (True, False)}

    def _context(self, facts: dict[str, Any], flash: bool) -> Any:
        api, params = self.api, self.api.llama_context_default_params()
        params.n_ctx = params.n_batch = facts["most"]
        params.n_threads = params.n_threads_batch = facts["threads"]
        state = "ENABLED" if flash else "DISABLED"
        params.flash_attn_type = getattr(api, f"LLAMA_FLASH_ATTN_TYPE_{state}")
        context = api.llama_init_from_model(self.model, params)
        if not context:
            raise RuntimeError(f"llama.cpp makes no context with flash attention {state.lower()}")
        return context

    def answer(self, context: int, steps: int, flash: bool) -> dict[str, float]:
        """Greedy, as the others: logits to the largest, in numpy."""
        import numpy as np

        api, ctx = self.api, self.contexts[flash]
        api.llama_memory_clear(api.llama_get_memory(ctx), True)

        def run(ids: list[int]) -> int:
            tokens = (ctypes.c_int32 * len(ids))(*ids)  # the batch points into it
            batch = api.llama_batch_get_one(tokens, len(ids))
            if (status := api.llama_decode(ctx, batch)) != 0:
                raise RuntimeError(f"llama_decode returned {status} for {len(ids)} positions")
            logits = np.ctypeslib.as_array(api.llama_get_logits_ith(ctx, -1), (self.vocabulary,))
            return int(logits.argmax())

        start = time.perf_counter()
        token = run([position * 7 % self.vocabulary for position in range(context)])
        prefill = time.perf_counter() - start
        start = time.perf_counter()
        for _ in range(steps):
            token = run([token])
        return {"prefill": prefill, "step": (time.perf_counter() - start) / max(steps, 1)}


def main() -> None:
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes elsewhere
    try:
        facts = json.loads(sys.stdin.readline())
        model = Model(facts)
        version, kind = model.api.__version__, TYPES[facts["dtype"]].lower()
        print(json.dumps({"name": f"llama.cpp {kind}", "version": version}), file=out)
        for line in sys.stdin:
            print(json.dumps(model.answer(**json.loads(line))), file=out)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=out)


if __name__ == "__main__":
    main()
