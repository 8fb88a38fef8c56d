"""What no text should hold but long ones do: control characters, left out as they come, and told where."""

from __future__ import annotations

import re

from .characters import FORBIDDEN

__all__ = ["Stray"]

_TOLD = 10
"""So many are told one by one: a log in colours has thousands."""
_ESCAPE = (
    r"\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\)|[()][0-9A-Z]|[=>78@-Z\\^_])"
)
_OVERSTRIKE = r"_{1,80}\x08{1,80}|['`^~,\"]\x08(?=\w)|\x08(?!\x08)[^\n]?"
_STRAY = re.compile(rf"(?P<escape>{_ESCAPE})|(?P<overstrike>{_OVERSTRIKE})|(?P<other>{FORBIDDEN.pattern})")
_BEGUN = re.compile(
    r"(?:\x1b(?:\[[0-?]{0,40}[ -/]{0,4}|\][^\x07\x1b\n]{0,400}\x1b?|[()])?"
    r"|_{1,80}\x08{0,80}|['`^~,\"]?\x08|['`^~,\"])\Z"
)
"""The beginning of such data at the end of a text, which more text may complete."""


class Stray:
    """Takes a text as it comes and gives it out without terminal codes, overstruck letters and the like."""

    def __init__(self) -> None:
        self._held = ""
        self._line = self._column = 1
        self._count = 0
        self._warnings: list[str] = []

    @property
    def waiting(self) -> int:
        """Characters that came and were not given out yet."""
        return len(self._held)

    def take_warnings(self) -> list[str]:
        """What was left out since the last call, and where."""
        warnings, self._warnings = self._warnings, []
        return warnings

    def add(self, text: str, *, last: bool = False) -> str:
        """Take the next characters and give out what is certain; with `last`, all."""
        text, self._held = self._held + text, ""
        if not last and (begun := _BEGUN.search(text)):
            text, self._held = text[: begun.start()], text[begun.start() :]
        kept, at = [], 0
        for found in _STRAY.finditer(text):
            kept.append(text[at : found.start()])
            self._move(kept[-1])
            self._tell(found)
            self._move(found[0])
            at = found.end()
        kept.append(text[at:])
        self._move(kept[-1])
        return "".join(kept)

    def _move(self, text: str) -> None:
        if lines := text.count("\n"):
            self._line += lines
            self._column = 1
        self._column += len(text) - text.rfind("\n") - 1

    def _tell(self, found: re.Match[str]) -> None:
        self._count += 1
        where = f"at line {self._line:,}, character {self._column:,}"
        if self._count > _TOLD:
            what = "more such characters, which are not told one by one"
            if self._count == _TOLD + 1:
                self._warnings.append(f"left out {what}, from the one {where}")
        elif found["other"]:
            kind = "lone surrogate" if "\ud800" <= found[0] <= "\udfff" else "control character"
            self._warnings.append(f"left out the {kind} U+{ord(found[0]):04X} {where}")
        else:
            kind = "a code for terminals" if found["escape"] else "an overstruck letter"
            self._warnings.append(f"left out {kind} {where}")
