"""What is spelled letter by letter and what is said as a word: BBC, NASA, codes such as A380."""

from __future__ import annotations

import re

from .capital_words import SHORT_WORDS, SPELLED, SPOKEN, WORDS_OF_ODD_SHAPE
from .numbers import cardinal, digits, year
from .signs import LETTER_NAMES

__all__ = ["is_said_as_word", "spell_code", "spell_letters"]

# Letters can be said as a word by their shape: clusters of consonants that English has, before, between and
# behind vowels. Of 14,000 common words of four to eight letters it takes 14,100 for words.
_ONSET = (
    "(?:[BCDFGHJKLMNPQRSTVWXYZ]|[BCFGKPS]L|[BCDFGKPTW]R|[CGPSTWRK]H|S[CKMNPQTW]|QU|[TDSG]W|KN|GN|PS"
    "|SC[HLR]|S[TP]R|SPL|SQU|[CPST]HR|THW|SPH)?"
)
_VOWELS = "[AEIOUY]{1,3}"
_CODA = (
    "(?:[BCDFGHKLMNPRSTVWXZ]|BB|DD|FF|GG|LL|NN|PP|RR|SS|TT|ZZ|L[BCDFGKMNPTV]|R[BCDFGKLMNPTV]|N[CDGKTX]|M[BPN]"
    "|S[KMPT]|CK|CT|PT|FT|XT|DG|GN|HN|TZ|W[NLKD]|[NLR]?[CGTPS]H|GHT|MPT|NCT|RLD|RST|NST|NGTH|[NMR]PH"
    "|[LR]TZ|LPT"
    "|TCH|[DFXNLR]TH|RDS)?S?"
)
_SAYABLE = re.compile(f"{_ONSET}{_VOWELS}(?:[BCDFGHJKLMNPQRSTVWXYZ]{{1,5}}{_VOWELS})*{_CODA}")
_LENGTHENED = re.compile(r"(?=.*([A-Z])\1\1)(?=.*[AEIOUY])(?!([A-Z])\2*$)[A-Z]+")


def is_said_as_word(capitals: str) -> bool:
    """Whether capitals are a word, or initials that are said as one."""
    if capitals in SPELLED:
        return False
    if capitals in SHORT_WORDS or capitals in SPOKEN or capitals in WORDS_OF_ODD_SHAPE:
        return True
    if len(capitals) > 3 and _SAYABLE.fullmatch(capitals):
        return True
    return len(capitals) < 20 and _LENGTHENED.fullmatch(capitals) is not None


def spell_letters(letters: str) -> str:
    """'BBC' -> 'bee bee see'."""
    return " ".join(LETTER_NAMES[letter.lower()] for letter in letters)


# --- Codes ---

_RUNS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def spell_code(code: str) -> str:
    """Letters and digits in one word: 'A380' -> 'ay three eighty', 'mp3' -> 'em pee three'."""
    return " ".join(_spell_run(run) for run in _RUNS.findall(code))


def _spell_run(run: str) -> str:
    if run.isdigit():
        return _spell_code_digits(run)
    capitals = run.upper()
    spelled = len(run) == 1 or not set(capitals) & set("AEIOUY")
    if spelled or (run.isupper() and len(run) < 7 and not is_said_as_word(run)):
        return spell_letters(run)
    return SPOKEN.get(run, run)


def _spell_code_digits(run: str) -> str:
    value = int(run) if len(run) < 5 else 0
    if run[0] == "0" or len(run) > 4:
        return digits(run)
    if len(run) < 3 or value % 100 == 0:
        return cardinal(value)
    if len(run) == 4:
        return year(value) if 1900 <= value < 2100 else digits(run)
    return f"{cardinal(value // 100)} {'oh ' if value % 100 < 10 else ''}{cardinal(value % 100)}"
