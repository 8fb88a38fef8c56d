"""The image's recipe and what stands beside it; `scripts/container` carries it out."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from dockerfile_parse import DockerfileParser

from loquor.cli import _parser
from loquor.server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "container"
tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
yaml: Any = pytest.importorskip("yaml")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="container/ is not beside the tests")


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    structure = DockerfileParser(str(FOLDER), cache_content=True).structure
    return [(step["instruction"], step["value"]) for step in structure if step["instruction"] != "COMMENT"]


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def last(steps: list[tuple[str, str]], word: str) -> str:
    return next(value for instruction, value in reversed(steps) if instruction == word)


def test_all_that_is_copied_is_here_and_let_through(steps: list[tuple[str, str]]) -> None:
    lines = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied: set[str] = set()
    for value in (value for word, value in steps if word == "COPY" and not value.startswith("--from=")):
        copied.update(shlex.split(value)[:-1])
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_its_extras_are_ours(steps: list[tuple[str, str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    install = next(value for word, value in steps if word == "RUN" and "pip install" in value)
    wanted = shlex.split(install)[-1].removeprefix(".[").removesuffix("]").split(",")
    assert {"cpu", "server"} <= set(wanted) <= set(project["optional-dependencies"])


def test_it_runs_as_a_number_that_is_not_roots(steps: list[tuple[str, str]]) -> None:
    user = last(steps, "USER").split(":")[0]
    assert user.isdecimal() and int(user) >= 1000
    words = [word for word, _ in steps]
    assert "RUN" not in words[words.index("USER") :]


def test_its_commands_are_understood(steps: list[tuple[str, str]], compose: Any) -> None:
    words = json.loads(last(steps, "CMD"))
    entry = json.loads(last(steps, "ENTRYPOINT"))
    assert entry == ["loquor"]
    for command in (words, compose["server"]["command"]):
        args = _parser(command).parse_args(command)
        assert args.host == "0.0.0.0" and str(args.port) == last(steps, "EXPOSE")
    assert f":{last(steps, 'EXPOSE')}/healthz" in last(steps, "HEALTHCHECK")


def test_it_listens_to_this_machine_and_prometheus_knows_its_name(compose: Any) -> None:
    for service in compose.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    scrape = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"][0]
    (target,) = scrape["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert name in compose and compose[name]["ports"][0].endswith(f":{port}")
    command = compose[name]["command"]
    names = {command[i + 1] for i, word in enumerate(command) if word == "--host-name"}
    assert names == {"localhost", "127.0.0.1", name}
    assert compose[name]["stop_grace_period"] == f"{Settings.drain_seconds + 10:.0f}s"
