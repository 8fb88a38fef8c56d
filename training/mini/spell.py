"""English numbers, dates, money and abbreviations as words, and text as the letters the voice knows."""

from __future__ import annotations

import re

ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen""".split()  # noqa: SIM905
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
MONTHS = """january february march april may june july august september october november
    december""".split()  # noqa: SIM905
IRREGULAR_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth",
    "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor", "st": "saint",
    "etc": "et cetera", "vs": "versus", "approx": "approximately", "dept": "department", "no": "number",
    "e.g": "for example", "i.e": "that is", "a.m": "ay em", "p.m": "pee em",
    "jan": "january", "feb": "february", "aug": "august", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december",
}  # fmt: skip
UNITS = {
    "km": "kilometers", "kg": "kilograms", "cm": "centimeters", "mm": "millimeters", "mph": "miles an hour",
    "ft": "feet", "lb": "pounds", "min": "minutes", "hrs": "hours",
}  # fmt: skip
SYMBOLS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at "}
LETTERS = " abcdefghijklmnopqrstuvwxyz',.?!;:-"
"""The characters the text encoder has symbols for."""


def cardinal(number: int) -> str:
    """42 -> 'forty-two', up to 10**12 - 1; longer numbers are read digit by digit."""
    if number >= 10**12:
        return digits(str(number))
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    for size, name in SCALES:
        if number >= size:
            rest = f" {cardinal(number % size)}" if number % size else ""
            return f"{cardinal(number // size)} {name}{rest}"
    raise ValueError(f"{number} is negative")


def ordinal(number: int) -> str:
    """42 -> 'forty-second'."""
    head, separator, last = re.fullmatch(r"(.*?)([ -]?)([a-z]+)", cardinal(number)).groups()
    last = IRREGULAR_ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return head + separator + last


def year(number: int) -> str:
    """1905 -> 'nineteen oh five', 2000 -> 'two thousand'."""
    century, rest = divmod(number, 100)
    if not 1100 <= number <= 2099 or 2000 <= number <= 2009:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digits(text: str) -> str:
    return " ".join(ONES[int(c)] for c in text)


def clock(hours: int, minutes: int) -> str:
    """(7, 5) -> 'seven oh five'; a full hour is the hour alone."""
    if minutes == 0:
        return cardinal(hours)
    return f"{cardinal(hours)} {'oh ' if minutes < 10 else ''}{cardinal(minutes)}"


def money(whole: int, cents: int, unit: str = "dollar") -> str:
    text = f"{cardinal(whole)} {unit}{'' if whole == 1 else 's'}"
    return text + (f" and {cardinal(cents)} cent{'' if cents == 1 else 's'}" if cents else "")


def _number(match: re.Match[str]) -> str:
    whole, fraction = match[1].replace(",", ""), match[2]
    value = cardinal(int(whole)) if len(whole) < 13 and not re.match(r"0\d", whole) else digits(whole)
    return f" {value} point {digits(fraction)} " if fraction else f" {value} "


def spell(text: str) -> str:
    """`text` with its digits, symbols and common abbreviations in words; lower case."""
    text = text.replace("\u2019", "'").replace("\u2014", " - ").replace("\u2013", "-")
    text = re.sub(r"\bSt\.(?! [A-Z])", "street", text).lower()
    for short, full in ABBREVIATIONS.items():
        # "no." is an abbreviation before a number only
        follow = r"(?=\s*\d)" if short == "no" else ""
        text = re.sub(rf"\b{re.escape(short)}\.{follow}", full, text)
    text = re.sub(
        r"\$(\d+(?:,\d{3})*)(?:\.(\d\d))?(?: (million|billion|thousand))?",
        lambda m: (
            f"{cardinal(int(m[1].replace(',', '')))} {m[3]} dollars"
            if m[3]
            else money(int(m[1].replace(",", "")), int(m[2] or 0))
        ),
        text,
    )
    text = re.sub(r"\b(\d{3})[ -](\d{4})\b", lambda m: digits(m[1] + m[2]), text)
    text = re.sub(r"\b(\d{1,2}):(\d\d)\b", lambda m: clock(int(m[1]), int(m[2])), text)
    text = re.sub(
        rf"\b({'|'.join(MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?\b",
        lambda m: f"{m[1]} {ordinal(int(m[2]))}",
        text,
    )
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1])), text)
    text = re.sub(r"(?<![\d,.])(1[1-9]\d\d|20\d\d)(?!\d|,\d|\.\d)", lambda m: year(int(m[1])), text)
    for short, full in UNITS.items():
        text = re.sub(rf"(?<=\d)\s*{short}\b\.?", f" {full}", text)
    text = re.sub(r"(?<!\w)-(?=\d)", "minus ", text)
    text = re.sub(r"(\d+(?:,\d{3})*)(?:\.(\d+))?", _number, text)
    for symbol, word in SYMBOLS.items():
        text = text.replace(symbol, word)
    return re.sub(r"\s+", " ", text).strip()


def letters_only(text: str) -> str:
    """`text` spelled and reduced to LETTERS, punctuation tidy: what training text looks like."""
    text = re.sub(rf"[^{LETTERS[:-1]}-]", " ", spell(text))
    text = re.sub(r"(?<![a-z])'|'(?![a-z])", " ", text)
    text = re.sub(r"(?<![a-z])-+|-+(?![a-z])", ", ", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+(?=[,.?!;:])", "", text)
    text = re.sub(r"([,;:])[,;:.]+", r"\1", text)
    text = re.sub(r"([.?!])[,.;:?!]+", r"\1", text)
    text = re.sub(r"([,.?!;:])(?=[a-z])", r"\1 ", text)
    return text.strip(" ,;:'-")
