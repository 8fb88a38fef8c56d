"""The options tables of the core: what options there are, and the check of a value by its row."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import _core
from ..base.numbers import finite, truth
from ..errors import InvalidInputError

__all__ = ["DECODE", "ENGINE", "GENERATION", "STREAM", "Option", "resolved"]

_LIMITS = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "float": (-ctypes.c_float(3.4028235e38).value, ctypes.c_float(3.4028235e38).value),
}


@dataclass(frozen=True)
class Option:
    """One row. `docs/options.md` shows all of them."""

    name: str
    type: str
    default: Any
    of_bundle: bool
    minimum: float | None
    maximum: float | None
    minimum_excluded: bool
    range: str
    sentence: str

    def checked(self, given: Any) -> Any:
        """Return `given` in the core's type; a float as the core has it, in float32.

        Raises `InvalidInputError` for what is out of range, no finite number or, where one is needed, no
        whole one. A text is checked by what reads it.
        """
        if self.type == "string":
            if not isinstance(given, str):
                raise InvalidInputError(
                    f"{self.name} must be a str, such as 'auto', not {type(given).__name__}"
                )
            if "\0" in given:  # where C would end it
                raise InvalidInputError(f"{self.name} must be a str without NUL, not {given!r:.80}")
            return given
        if self.type == "bool":
            return truth(given, self.name)
        number = finite(given, self.name)
        if self.type != "float":
            if int(given) != given:
                raise InvalidInputError(f"{self.name} must be a whole number, not {given!r:.80}")
            number = int(given)
        value = ctypes.c_float(number).value if self.type == "float" else number
        if not self._holds(value):
            shown = int(number) if number == int(number) else number
            raise InvalidInputError(f"{self.name} must be {self.range}, not {shown!r:.80}")
        return value

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the most that a number may be, by the row, or else by the core's type."""
        least, most = _LIMITS[self.type]
        return (
            least if self.minimum is None else max(least, self.minimum),
            most if self.maximum is None else min(most, self.maximum),
        )

    def _holds(self, value: float) -> bool:
        least, most = self.bounds
        return least <= value <= most and not (self.minimum_excluded and value == least)


def _table(name: str) -> dict[str, Option]:
    return {row["name"]: Option(**row) for row in _core.option_table(name)}


GENERATION = _table("generation")
STREAM = _table("stream")
DECODE = _table("decode")
ENGINE = _table("engine")


def resolved(
    table: Mapping[str, Option], given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the `defaults`, overridden by what is `given` and not None, in the core's types.

    Raises `InvalidInputError` as `Option.checked` does.
    """
    return dict(defaults) | {
        name: option.checked(given[name]) for name, option in table.items() if given.get(name) is not None
    }
