"""The inaudible mark that says of speech that a machine made it: PerTh by Resemble AI, without PyTorch.

`Engine(watermark="perth")` marks all that it says; `detect` looks for the mark in any recording. What it
proves, and what it does not: docs/marked-speech.md.
"""

from __future__ import annotations

from .detection import Detection, Span, detect

__all__ = ["Detection", "Span", "detect"]
