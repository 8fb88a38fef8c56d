"""What is spelled letter by letter: initialisms such as BBC, codes such as A380, web and mail addresses."""

from __future__ import annotations

import re

from .numbers import cardinal, digits, plural, year
from .tables import CAPITAL_WORDS, LETTER_NAMES, SPELLED

__all__ = ["lower_if_shouted", "spell_addresses", "spell_code", "spell_initialisms", "spell_letters"]

# A word that can be said as one, by its shape: an onset English has, then vowels and consonants in turn.
_ONSET = "(?:[BCDFGHJKLMNPQRSTVWXZ]|[BCFGP]L|[BCDFGPT]R|[CPSTW]H|S[CKLMNPQTW]|QU|TW|KN|WR)?"
_SAYABLE = re.compile(
    rf"{_ONSET}[AEIOU]{{1,2}}(?:[BCDFGHJ-NP-TV-Z]{{1,2}}[AEIOUY]{{1,2}})*[BCDFGHJ-NP-TV-Z]{{0,3}}"
)
_ROMAN = re.compile(r"(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})")
_CAPITALS = re.compile(r"(?<![A-Za-z\d'.])([A-Z]{2,6})('?s)?(?![A-Za-z\d])")
_DOTTED = re.compile(r"(?<![A-Za-z.])((?:[A-Za-z]\.){2,})([A-Za-z](?![A-Za-z]))?")
_LETTER = re.compile(r"(?<![A-Za-z'])([B-HJ-Z])(?:\.(?= [A-Z]))?(?![A-Za-z'])")
_WORDS = re.compile(r"[A-Za-z]+")
_RUNS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]")

_SPOKEN_DOMAINS = frozenset(("com", "org", "net", "gov", "info", "app", "blog", "shop"))
_SIGNS = {
    ".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "+": "plus", "#": "hash",
    "=": "equals", "&": "and", "%": "percent", "?": "question mark", ":": "colon", "~": "tilde",
}  # fmt: skip
_MAIL = r"[\w.+-]+@[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)+"
_DOMAINS = "com|org|net|edu|gov|io|ai|dev|info|app|co|uk|de|fr|eu|ca|au|ch|at|us|tv|me"
_URL = r"[^\s,;!\"<>()\[\]\ue000]+"  # U+E000 stands for a tag
_PATH = rf"(?:[/?#](?:{_URL})?)?"
_ADDRESS = re.compile(
    rf"(?<![\w@])(?:{_MAIL}|(?:https?|ftp)://{_URL}|www\.{_URL}"
    rf"|(?:[A-Za-z\d-]+\.)+(?:{_DOMAINS})(?![\w-]|\.\w){_PATH})",
    re.ASCII,
)


def spell_letters(letters: str) -> str:
    """'BBC' -> 'bee bee see'."""
    return " ".join(LETTER_NAMES[letter.lower()] for letter in letters)


def _is_said_as_word(capitals: str) -> bool:
    if capitals in CAPITAL_WORDS:
        return True
    return len(capitals) > 3 and capitals not in SPELLED and _SAYABLE.fullmatch(capitals) is not None


def lower_if_shouted(text: str) -> str:
    """A text in capitals loses them, so that it is read and not spelled; BBC and the like stay."""
    words = [word for word in _WORDS.findall(text) if len(word) > 1]
    shouted = [word for word in words if word.isupper()]
    if len(shouted) < 3 or len(shouted) < 0.6 * len(words):
        return text
    plain = [
        word for word in shouted if word in CAPITAL_WORDS or (len(word) > 4 and set(word) & set("AEIOU"))
    ]
    if 2 * len(plain) < len(shouted):  # a row of initialisms
        return text
    return _WORDS.sub(lambda m: m[0].lower() if _is_said_when_shouted(m[0]) else m[0], text)


def _is_said_when_shouted(word: str) -> bool:
    vowels = set(word.upper()) & set("AEIOUY")
    return bool(vowels) and (len(word) > 4 or "Y" in vowels or _SAYABLE.fullmatch(word.upper()) is not None)


def spell_initialisms(text: str) -> str:
    """Spell capitals that make no word (BBC, FBI, U.S., vitamin C); NASA and Roman numerals stay."""
    text = _DOTTED.sub(_spell_dotted, text)
    text = _CAPITALS.sub(_spell_capitals, text)
    return _LETTER.sub(lambda m: spell_letters(m[1]), text)


def _spell_dotted(match: re.Match[str]) -> str:
    letters = match[1].replace(".", "") + (match[2] or "")
    ended = match.end() == len(match.string.rstrip()) and not match[2]
    return f" {spell_letters(letters)}{'.' if ended else ' '}"


def _spell_capitals(match: re.Match[str]) -> str:
    capitals, ending = match[1], match[2] or ""
    if _is_said_as_word(capitals) or (_ROMAN.fullmatch(capitals) and ending != "s"):
        return match[0]
    spelled = spell_letters(capitals)
    if ending == "s":
        head, _, last = spelled.rpartition(" ")
        return f"{head} {plural(last) if last not in ('ay', 'why') else last + 's'}"
    return spelled + ending


def spell_code(code: str) -> str:
    """Letters and digits in one word: 'A380' -> 'ay three eighty', 'mp3' -> 'em pee three'."""
    return " ".join(_spell_run(run) for run in _RUNS.findall(code))


def _spell_run(run: str) -> str:
    if run.isdigit():
        return _spell_code_digits(run)
    capitals = run.upper()
    spelled = len(run) == 1 or not set(capitals) & set("AEIOUY")
    if spelled or (run.isupper() and len(run) < 7 and not _is_said_as_word(run)):
        return spell_letters(run)
    return run


def _spell_code_digits(run: str) -> str:
    value = int(run) if len(run) < 5 else 0
    if run[0] == "0" or len(run) > 4:
        return digits(run)
    if len(run) < 3 or value % 100 == 0:
        return cardinal(value)
    if len(run) == 4:
        return year(value) if 1900 <= value < 2100 else digits(run)
    return f"{cardinal(value // 100)} {'oh ' if value % 100 < 10 else ''}{cardinal(value % 100)}"


def spell_addresses(text: str) -> str:
    """'ann@mail.org' -> 'ann at mail dot org', 'https://a.io/x' -> 'ay dot eye oh slash ex'."""
    return _ADDRESS.sub(_spell_address, text)


def _spell_address(match: re.Match[str]) -> str:
    whole = match[0]
    address = whole.rstrip(".:?-/")
    rest = whole[len(address) :].lstrip("/-")
    address = re.sub(r"^(?:\w+://)?(?:www\.)?", "", address)
    runs = [_SIGNS.get(run, "") if not run.isalnum() else _spell_part(run) for run in _RUNS.findall(address)]
    return f" {' '.join(filter(None, runs))}{rest}"


def _spell_part(run: str) -> str:
    if run.lower() in _SPOKEN_DOMAINS or (
        len(run) > 2 and run.isalpha() and set(run.lower()) & set("aeiouy")
    ):
        return run.lower() if run.lower() != "edu" else spell_letters(run)
    return spell_letters(run) if run.isalpha() else _spell_code_digits(run)
