"""What runs in the process of an installed chatterbox-tts; it needs nothing of Loquor's Python.

A line of JSON on stdin is a request, one on the file descriptor that stdout was is the answer, with as many
bytes of float32 samples behind it as it says. What libraries print goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def _load(request: dict[str, Any]) -> Any:
    kind = getattr(importlib.import_module(request["module"]), request["kind"])
    if request["folder"] is not None:
        return kind.from_local(request["folder"], request["device"])
    return kind.from_pretrained(device=request["device"])


def _speak(model: Any, request: dict[str, Any]) -> tuple[bytes, int]:
    import numpy as np

    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(request["seed"])
    wave = model.generate(request["text"], **request["options"])
    wave = wave.detach().cpu().numpy() if hasattr(wave, "detach") else wave
    return np.asarray(wave, np.float32).reshape(-1).astype("<f4").tobytes(), int(model.sr)


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries print
    sys.stdout = sys.stderr
    model: Any = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        samples = b""
        answer: dict[str, Any] = {}
        try:
            if request["do"] == "load":
                model = _load(request)
            else:
                samples, answer["rate"] = _speak(model, request)
        except BaseException as error:  # whatever a foreign model raises is told, and ends nothing
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer["bytes"] = len(samples)
        answers.write(json.dumps(answer).encode() + b"\n" + samples)
        answers.flush()


if __name__ == "__main__":
    main()
