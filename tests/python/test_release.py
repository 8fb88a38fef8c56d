"""What a release is made of: the sdist's files, the page that an index shows, the workflow."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tarfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
HOME = "https://example.org/owner/loquor"
tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
pytestmark = pytest.mark.skipif(not WORKFLOW.exists(), reason="the repository is not beside the tests")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Sizes of its files by name."""
    pytest.importorskip("scikit_build_core")
    folder = tmp_path_factory.mktemp("sdist")
    code = f"from scikit_build_core.build import build_sdist; build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        return {member.name.partition("/")[2]: member.size for member in opened.getmembers()}


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return set(listed.stdout.split("\n")) - {""}


def test_the_sdist_has_what_builds_and_tests_and_no_training(sdist: dict[str, int]) -> None:
    needed = tracked("csrc", "python", "tests", "examples", "scripts", "docs")
    assert len(needed) > 500
    assert needed - set(sdist) == set()
    assert {"CMakeLists.txt", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"} <= set(sdist)
    tops = {name.partition("/")[0] for name in sdist}
    assert tops.isdisjoint({"training", "findings", ".ci", ".github", "build", ".venv"})
    assert not [
        name for name in sdist if re.search(r"\.(so|pyc|npz|pt|ckpt|wav)$", name) and name not in needed
    ]
    assert sum(sdist.values()) < 25e6


def index_page() -> Any:
    loader = SourceFileLoader("index_page", str(ROOT / "scripts" / "index-page"))
    spec = importlib.util.spec_from_loader("index_page", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_links_lead_somewhere_from_an_index() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    relative = re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)
    page = index_page().absolute_links(text, HOME, "v1.2.3")
    absolute = re.findall(rf"\]\({HOME}/blob/v1\.2\.3/([^)#]+)", page)
    assert len(absolute) == len(relative) > 20
    assert [link for link in absolute if not (ROOT / link).exists()] == []
    assert re.findall(r"\]\((?!https://)", page) == []
    assert index_page().absolute_links(page, HOME, "v1.2.3") == page


def test_a_wheel_tells_what_of_others_is_compiled_into_it() -> None:
    nanobind = pytest.importorskip("nanobind")
    files = importlib.metadata.distribution("loquor").files or []
    named = {file.as_posix().partition(".dist-info/")[2]: Path(str(file.locate())) for file in files}
    if "sboms/compiled.cdx.json" not in named:
        pytest.skip("loquor is not an installed wheel of this version")
    bill = json.loads(named["sboms/compiled.cdx.json"].read_text(encoding="utf-8"))
    versions = {part["name"]: part.get("version") for part in bill["components"]}
    assert versions["nanobind"] == nanobind.__version__ and "robin-map" in versions
    known = {"loquor", *(part["bom-ref"] for part in bill["components"])}
    told = {name for each in bill["dependencies"] for name in (each["ref"], *each["dependsOn"])}
    assert told == known
    notice = named["licenses/csrc/bindings/NOTICE"].read_text(encoding="utf-8")
    assert "Wenzel Jakob" in notice and "Thibaut Goetghebuer-Planchon" in notice


def test_a_release_names_its_home() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    before, after = (tomllib.loads(each) for each in (text, index_page().with_urls(text, HOME, "v1.2.3")))
    urls = after["project"].pop("urls")
    assert after == before
    assert urls["Homepage"] == HOME and all(url.startswith(HOME) for url in urls.values())
    assert f"{HOME}/blob/v1.2.3/CHANGELOG.md" in urls.values()


def test_the_workflow_uploads_nothing_that_did_not_speak() -> None:
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    assert jobs["wheels"]["needs"] == "sdist"
    assert set(jobs["upload"]["needs"]) == {"wheels", "bill-of-materials"}
    assert jobs["upload"]["environment"] == "pypi" and "refs/tags/" in jobs["upload"]["if"]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    built = settings["tool"]["cibuildwheel"]
    assert "loquor say" in built["test-command"] and built["test-extras"] == ["cpu"]
    versions = {line.rpartition("3.")[2] for line in settings["project"]["classifiers"] if ":: 3." in line}
    assert set(re.findall(r"cp3(\d+)-", built["build"])) == versions
    steps = [step for job in jobs.values() for step in job["steps"]]
    named = {word for step in steps for word in re.findall(r"scripts/[\w-]+", step.get("run", ""))}
    assert named and all((ROOT / name).exists() for name in named)
