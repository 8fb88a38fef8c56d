"""Rules for what is written short: words with a full stop, states, verses, streets, small Roman numbers."""

from __future__ import annotations

import re

from .places import BIBLE_BOOKS, CITIES, POSTAL_CODES, POSTAL_WORDS, STATES
from .rules import Match, Rule, alternatives, rule
from .stops import ENDS_TEXT, NEXT_CAPITAL, before, has_stopped, like, starts_sentence, stopped
from .tables import BEFORE_NAMES, TITLES, UNITS_WITH_STOP
from .units import UNITS

__all__ = ["ABBREVIATED"]


def _postal(match: Match) -> str:
    town, code = match[1], match[2]
    zip_code = match[3]
    if town in ("Yes", "No", "Well", "Fine", "So", "Now", "Hey", "Oh", "Alright", "Right", "Sure"):
        return match[0]
    if code in POSTAL_WORDS and not zip_code and town not in CITIES:
        return match[0]
    spoken = f" {' '.join(_DIGIT[int(d)] for d in zip_code.strip())}" if zip_code else ""
    return f"{town}, {POSTAL_CODES[code]}{spoken}"


_DIGIT = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _party(match: Match) -> str:
    party = {"D": "Democrat", "R": "Republican", "I": "Independent"}[match[2]]
    place = match[3].rstrip(".")
    state = (
        STATES.get(place) or POSTAL_CODES.get(place) or (place if place in POSTAL_CODES.values() else None)
    )
    if state is None:
        return match[0]
    return f"{match[1]}{party}, {state}"


def _verse(match: Match) -> str:
    book, chapter, verse, last = match.groups()
    if book not in BIBLE_BOOKS:
        return match[0]
    comma = "," if last else ""
    return f"{BIBLE_BOOKS[book]} {chapter}{comma} {verse}{f' to {last}' if last else ''}"


_ONE_BEFORE = re.compile(r"(?:^|\D)1 $|-$|\bper $")


def _square(match: Match) -> str:
    """'300 sq. ft.' -> '300 square feet'."""
    one, many = UNITS.get(match[2], ("inch", "inches"))
    words = one if _ONE_BEFORE.search(before(match)) else many
    stop = "." if match[3] and starts_sentence(match) else ""
    return f"{UNITS_WITH_STOP[match[1]]} {words}{stop}"


_STREETS = {
    "Ave": "avenue", "Blvd": "boulevard", "Rd": "road", "Hwy": "highway", "Pkwy": "parkway", "St": "street",
    "Dr": "drive", "Ln": "lane",
}  # fmt: skip


def _latin(match: Match) -> str:
    """'et al.' and 'op. cit.', with the stop of a sentence that ends there."""
    ended = ENDS_TEXT.match(match.string, match.end()) or NEXT_CAPITAL.match(match.string, match.end())
    words = match[1].replace(".", "")
    if words.lower() == "et al":
        words = like(words, "and others")
    return words + ("." if ended else "")


_SMALL_ROMANS = (
    "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx xxi xxii xxiii xxiv xxv".split()
)


def _small_roman(match: Match) -> str:
    """'page iv', 'pp. ii-ix'."""
    if any(roman not in _SMALL_ROMANS for roman in match.groups()[1:] if roman):
        return match[0]
    numbers = (str(_SMALL_ROMANS.index(roman) + 1) for roman in match.groups()[1:] if roman)
    return f"{match[1]} {' to '.join(numbers)}"


ABBREVIATED: tuple[Rule, ...] = (
    rule(r"\b(pages?|pp?\.|[Cc]hapter|[Cc]h\.|[Aa]ct|[Ss]cene|[Pp]art|[Vv]ol\.|[Bb]ook|[Pp]salm)"
         r" ([ivx]{1,6})(?:-([ivx]{1,6}))?(?![\w'])", _small_roman, "",
         " i| v| x", "page |pages |p. |chapter |ch. |act |scene |part |vol. |book |psalm "),
    rule(r"\bPh\.?D\b(?!\.)", "pee aitch dee", "", "AaA|Aa.A"),
    rule(r"([A-Z](?<!\w.)[A-Za-z]+)\.? (\d{1,3}):(\d{1,3})(?:-(\d{1,3}))?(?![\d:])", _verse,
         ": 0-9 A-Z", "0:0", "a 0|A 0|. 0"),
    rule(r"([(\s])([DRI])-((?:[A-Z]\.){2}|[A-Z][a-z]{1,12}\b\.?|[A-Z]{2}\b)", _party, "-", " A-A|(A-A"),
    rule(rf"\b([A-Z][a-z]+), ({alternatives(POSTAL_CODES)})\b(?=\s*(?:$|[,.;:)!?\"'])| \d{{5}}\b| [a-z]"
         rf"| USA?\b)(?!\.[A-Z])( \d{{5}}\b)?", _postal, ",", ", AA"),
    rule(r"\b([Ee]t al|[Oo]p\. ?[Cc]it|[Ll]oc\. ?[Cc]it|[Ee]t seq|OP\. CIT)\.", _latin, ".",
         "et al.|p. cit.|p.cit.|c. cit.|c.cit.|et seq."),
    rule(r"\b(Lt|Maj|Brig)\. (Col|Gen|Cmdr|Gov)\. (?=[A-Z])",
         lambda m: f"{like('A', BEFORE_NAMES[m[1]])} {like('A', BEFORE_NAMES[m[2]])} ", ".",
         "lt. |maj. |brig. "),
    rule(r"\b(sq(?=[. fm])|cu(?=[. ]))\.? ?(ft|in|mi|yd|km|m|cm|mm)\b(\.?)", _square, "",
         "sq|cu", "sq.|sq |sqf|sqm|cu.|cu "),
    rule(r"(?<=[a-z]) v\. (?=[A-Z])", " versus ", ".", " v. "),
    rule(r"([A-Za-z](?<![\w.'/@&].)(?<![A-Za-z]-.)"
         r"(?:[A-Za-z]?\.[A-Za-z]{1,7}|[A-Za-z]{0,6}|\.[A-Za-z]\.[A-Za-z]))\.(?![A-Za-z@]\w|[A-Za-z]\.)",
         stopped, ".", "a.|A.", looks=has_stopped),
    rule(r"\b(Mr|Mrs|Ms|Dr|Prof)(?= [A-Z])", lambda m: like(m[1], TITLES[m[1].lower()]), "",
         "Aa A|Aaa A|aaa A", "mr |mrs |ms |dr |prof "),
    rule(rf"(?<=[a-z\d] )({'|'.join(_STREETS)})(?=[,;.)]|$|\s(?:near|in|and|at|on|to|is|was|between|by|from"
         rf"|with|where)\b)",
         lambda m: _STREETS[m[1]], "", "a Aa|0 Aa", " ave| blvd| rd| hwy| pkwy| st| dr| ln"),
    rule(r"(?i)\bet al\b", "and others", "", "et al"),
    rule(r"(?<!slash )\betc\b(?! slash)", "et cetera", "", "etc"),
)  # fmt: skip
