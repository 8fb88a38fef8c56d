"""The inaudible mark that says of speech that a machine made it: PerTh by Resemble AI, without PyTorch.

`Engine(watermark="perth")` marks; `detect` looks for the mark. See docs/marked-speech.md for what it proves.
"""

from __future__ import annotations
