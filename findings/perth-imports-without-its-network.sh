#!/usr/bin/env bash
# resemble-perth 1.0.1: importing it where what its network needs is missing.
#
# One expects pip to bring what it needs, or else an ImportError that names it. The wheel declares no dependencies, and
# the import swallows the error: the one class that people come for is None, so the failure is "'NoneType' object is
# not callable", far from its cause.
# Seen: "import works, PerthImplicitWatermarker is None, __all__ has [WatermarkerBase ...]; requires None".
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q resemble-perth==1.0.1 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

import perth

needs = importlib.metadata.requires("resemble-perth")
print(f"import works, PerthImplicitWatermarker is {perth.PerthImplicitWatermarker}, __all__ has {perth.__all__}; requires {needs}")
good = perth.PerthImplicitWatermarker is None and "PerthImplicitWatermarker" not in perth.__all__ and not needs
sys.exit(0 if good else "this has changed")
PYTHON
