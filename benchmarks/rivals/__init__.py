"""Rivals from other packages, each a process of its own that takes turns with ours.

    with rivals.available(bundle, "q4", folder, threads=2, most=1500) as found:
        found.steps(450, 40)  # {name: () -> seconds of a decode step}
        found.prefills(430)   # {name: () -> seconds of a prompt}

They may live in another environment: `python` is its interpreter (benchmarks/requirements-rivals.txt). One
that is missing, or cannot run, is left out and says why in `missing`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from loquor import _core
from loquor.prepare import operators_library, prepare_bundle

HERE = Path(__file__).resolve().parent

Figures = Callable[[], float]


class RivalMissingError(Exception):
    """A rival that cannot be asked here, and why."""


class Child:
    """A worker that answers questions, one line of JSON each, until its standard input is closed."""

    def __init__(self, python: str, worker: str, facts: Mapping[str, Any]) -> None:
        # A pipe that nobody reads would stop a talkative library.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (close() closes it)
        try:
            self._process = subprocess.Popen(
                [python, str(HERE / worker)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        except OSError as error:
            self._errors.close()
            raise RivalMissingError(f"{python} does not start: {error}") from error
        try:
            self.about = self.ask(facts)
        except BaseException:
            self.close()
            raise

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        stdin, stdout = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        with suppress(BrokenPipeError):  # its end is noticed below
            stdin.write(json.dumps(question) + "\n")
            stdin.flush()
        line = stdout.readline()
        if not line:
            raise RivalMissingError(f"its process ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RivalMissingError(answer["error"])
        return answer

    def close(self) -> None:
        with suppress(BrokenPipeError):
            self._process.communicate()  # closes its input, at which it ends
        self._errors.close()

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        return " ".join(self._errors.read().strip().splitlines()[-1:]) or f"exit code {code}"


@dataclass
class Rivals:
    """What can be asked, by name: a worker, and the question's own part."""

    asked: dict[str, tuple[Child, dict[str, Any]]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def steps(self, context: int, steps: int) -> dict[str, Figures]:
        """By name: seconds of one of `steps` decode steps behind a prompt of `context` positions."""
        return self._figures("step", {"context": context, "steps": steps})

    def prefills(self, context: int) -> dict[str, Figures]:
        """By name: seconds of a prompt of `context` positions up to its logits."""
        return self._figures("prefill", {"context": context, "steps": 0})

    def _figures(self, figure: str, question: dict[str, Any]) -> dict[str, Figures]:
        def asking(child: Child, own: dict[str, Any]) -> Figures:
            return lambda: float(child.ask(question | own)[figure])

        return {name: asking(child, own) for name, (child, own) in self.asked.items()}

    @property
    def facts(self) -> dict[str, Any]:
        """For the report: what was asked, and what could not be."""
        return {"rivals": self.versions, "rivals_missing": self.missing}


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add --rivals."""
    parser.add_argument(
        "--rivals",
        nargs="?",
        const=sys.executable,
        metavar="PYTHON",
        help="ask llama.cpp and onnxruntime-genai too, installed for this interpreter (default: this one) "
        "from benchmarks/requirements-rivals.txt",
    )


@contextmanager
def asked_for(args: argparse.Namespace, bundle: Path, folder: Path, most: int) -> Iterator[Rivals]:
    """Those that --rivals asks for; says which are missing."""
    if args.rivals is None:
        yield Rivals()
        return
    dtype, threads = language_model_dtype(bundle, args.dtype), args.threads
    with available(bundle, dtype, folder, threads=threads, most=most, python=args.rivals) as found:
        for name, problem in found.missing.items():
            print(f"left out: {name}: {problem}")
        yield found


def language_model_dtype(bundle: Path, dtype: str) -> str:
    return _core.graph_files(str(bundle), dtype)["language_model"][1]


@contextmanager
def available(
    bundle: Path, dtype: str, folder: Path, *, threads: int, most: int, python: str = sys.executable
) -> Iterator[Rivals]:
    """Start the rivals for models of a bundle's dimensions; files of theirs go to `folder`.

    `most` positions are what a prompt and its steps take at most.
    """
    common = {"folder": str(folder), "dtype": dtype, "threads": threads, "most": most}
    with ExitStack() as stack:
        found = Rivals()

        def start(name: str, worker: str, facts: Mapping[str, Any], kinds: dict[str, dict[str, Any]]) -> None:
            try:
                child = Child(python, worker, common | dict(facts))
            except RivalMissingError as problem:
                found.missing[name] = str(problem)
                return
            stack.callback(child.close)
            found.versions[name] = child.about["version"]
            for kind, own in kinds.items():
                found.asked[f"{child.about['name']}{kind}"] = child, own

        flash = {", flash attention": {"flash": True}, ", no flash attention": {"flash": False}}
        start("llama.cpp", "llama_cpp_worker.py", _dimensions(bundle, dtype), flash)
        try:
            start("onnxruntime-genai", "genai_worker.py", _graph(bundle, dtype, threads), {"": {}})
        except RivalMissingError as problem:
            found.missing["onnxruntime-genai"] = str(problem)
        yield found


def _dimensions(bundle: Path, dtype: str) -> dict[str, int]:
    import onnx

    source = _core.graph_files(str(bundle), dtype)["language_model"][0]
    graph = onnx.load(source, load_external_data=False).graph
    pasts = [value for value in graph.input if value.name.startswith("past_key_values.")]
    heads, head_size = (pasts[0].type.tensor_type.shape.dim[axis].dim_value for axis in (1, 3))
    logits = next(value for value in graph.output if value.name == "logits")
    vocabulary = logits.type.tensor_type.shape.dim[2].dim_value
    tables = [
        tensor.dims[0] for tensor in graph.initializer if len(tensor.dims) == 2 and "wpe" in tensor.name
    ]
    return {
        "layers": len(pasts) // 2,
        "heads": heads,
        "hidden": heads * head_size,
        "vocabulary": vocabulary,
        "positions": max([*tables, 1024]),
    }


def _graph(bundle: Path, dtype: str, threads: int) -> dict[str, Any]:
    """The graph that Loquor prepared, whose KV cache may be one buffer, and where its weights are."""
    prepared = prepare_bundle(bundle, dtype, threads=threads)["language_model"]
    if prepared.file is None:
        raise RivalMissingError(f"there is no prepared graph to give it: {prepared.reason or prepared.state}")
    return {
        "graph": str(prepared.file),
        "source": str(prepared.source.absolute()),
        "operators": str(operators_library()),
        **_dimensions(bundle, dtype),
    }
