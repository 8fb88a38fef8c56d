"""In what order the rules run: one that needs a character which only another writes is of a later stage."""

from __future__ import annotations

from . import letters, lines, signs, stops, tables  # noqa: F401  (patterns and tables that functions use)
from .abbreviations import ABBREVIATED
from .capitals import CAPITALS, ROMAN
from .dates import DATES, YEAR
from .figures import CODES, FORMULAS, HYPHENS, PLAIN_NUMBERS, POWERS, SIGNS
from .marks import COMPARISONS, DASHES, EMOTICONS, SLASHES
from .markup import MARKUP
from .quantities import CURRENCY_SIGNS, MEASURES, MONEY, OLD_AND_ODD_MONEY, PHONES
from .rule import Rule
from .technical import ADDRESSES, TECHNICAL, VERSIONS

__all__ = ["STAGES"]

STAGES: dict[str, tuple[Rule, ...]] = {
    "Markup": MARKUP,
    "Technical": (*ADDRESSES, *EMOTICONS, *TECHNICAL, *VERSIONS),
    "Comparisons": (*COMPARISONS, *ROMAN),
    "Short": (
        *DASHES,
        *ABBREVIATED,
        *PHONES,
        *OLD_AND_ODD_MONEY,
        *HYPHENS,
        *DATES,
        *FORMULAS,
        *SIGNS,
        *CURRENCY_SIGNS,
    ),
    "Words": (*MONEY, *MEASURES, *POWERS, *CODES, YEAR, *PLAIN_NUMBERS, *SLASHES, *CAPITALS),
}
