"""Rules for what is written short: words with a full stop, states, verses, streets, small Roman numbers."""

from __future__ import annotations

from .places import POSTAL_CODES
from .rule import Rule, alternatives, pattern, rule, table, words

__all__ = ["ABBREVIATED"]

_STREETS = {
    "Ave": "avenue", "Blvd": "boulevard", "Rd": "road", "Hwy": "highway", "Pkwy": "parkway", "St": "street",
    "Dr": "drive", "Ln": "lane",
}  # fmt: skip
table("STREETS", _STREETS)
words("NO_TOWNS", "Yes No Well Fine So Now Hey Oh Alright Right Sure".split())
pattern("ONE_BEFORE", r"(?:^|\D)1 $|-$|\bper $")
_SMALL_ROMANS = (
    "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx xxi xxii xxiii xxiv xxv".split()
)
table("SMALL_ROMANS", {roman: str(place + 1) for place, roman in enumerate(_SMALL_ROMANS)})

ABBREVIATED: tuple[Rule, ...] = (
    rule(
        r"\b(pages?|pp?\.|[Cc]hapter|[Cc]h\.|[Aa]ct|[Ss]cene|[Pp]art|[Vv]ol\.|[Bb]ook|[Pp]salm)"
        r" ([ivx]{1,6})(?:-([ivx]{1,6}))?(?![\w'])",
        "small_roman()",
    ),
    rule(r"\bPh\.?D\b(?!\.)", "pee aitch dee"),
    rule(r"([A-Z](?<!\w.)[A-Za-z]+)\.? (\d{1,3}):(\d{1,3})(?:-(\d{1,3}))?(?![\d:])", "verse()", ": 0-9 A-Z"),
    rule(r"([(\s])([DRI])-((?:[A-Z]\.){2}|[A-Z][a-z]{1,12}\b\.?|[A-Z]{2}\b)", "party()", "-"),
    rule(
        rf"\b([A-Z][a-z]+), ({alternatives(POSTAL_CODES)})\b(?=\s*(?:$|[,.;:)!?\"'])| \d{{5}}\b| [a-z]"
        rf"| USA?\b)(?!\.[A-Z])( \d{{5}}\b)?",
        "postal()",
        ",",
    ),
    rule(r"\b([Ee]t al|[Oo]p\. ?[Cc]it|[Ll]oc\. ?[Cc]it|[Ee]t seq|OP\. CIT)\.", "latin()", "."),
    rule(r"\b(Lt|Maj|Brig)\. (Col|Gen|Cmdr|Gov)\. (?=[A-Z])", "ranks()", "."),
    rule(r"\b(sq(?=[. fm])|cu(?=[. ]))\.? ?(ft|in|mi|yd|km|m|cm|mm)\b(\.?)", "square()"),
    rule(r"(?<=[a-z]) v\. (?=[A-Z])", " versus ", "."),
    rule(
        r"([A-Za-z](?<![\w.'/@&].)(?<![A-Za-z]-.)"
        r"(?:[A-Za-z]?\.[A-Za-z]{1,7}|[A-Za-z]{0,6}|\.[A-Za-z]\.[A-Za-z]))\.(?![A-Za-z@]\w|[A-Za-z]\.)",
        "stopped()",
        ".",
    ),
    rule(r"\b(Mr|Mrs|Ms|Dr|Prof)(?= [A-Z])", "title()"),
    rule(
        rf"(?<=[a-z\d] )({'|'.join(_STREETS)})(?=[,;.)]|$|\s(?:near|in|and|at|on|to|is|was|between|by|from"
        rf"|with|where)\b)",
        "street()",
    ),
    rule(r"(?i)\bet al\b", "and others"),
    rule(r"(?<!slash )\betc\b(?! slash)", "et cetera"),
)
