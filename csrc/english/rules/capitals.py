"""Rules for capitals: what is shouted, Roman numbers, initials and initialisms."""

from __future__ import annotations

from .rule import Rule, pattern, rule, words
from .tables import STARTERS

__all__ = ["CAPITALS", "ROMAN"]


pattern("WORD_WITH_ENDING", r"([A-Za-z]+)((?:'[A-Za-z]{1,2})*)")

# --- Roman numbers ---

pattern("ROMAN_SHAPE", r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
pattern("WORD_BEFORE", r"((?:[A-Z][A-Za-z.'-]*|no\.|[a-z]+)(?:,)?) $")
pattern("TWO_BEFORE", r"([A-Z][A-Za-z.'-]*) ([A-Z][a-z.'-]+) $")
pattern(
    "TITLE_BEFORE",
    r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Prince|Kaiser|Sultan|Saint|St\.?|^|[.?!] )\s?\w+ $",
)
pattern("ENDS_NAME", r"'s|[.,;:)]|\s(?:of|and)\b|$")
pattern("VERB", r"\s(?:was|had|died|became|ruled|reigned|came|gave|did|made|took|is|has)\b")
pattern("REIGNS", r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Sultan) \w+ $")
pattern("DOES", r"\s(?:(?:never|also|once|later|soon|often|finally|himself|herself) [a-z]+|[a-z]{2,}ed)\b")
pattern(
    "NUMBERED_WORK", r"(?i)(?:book|chapter|part|section|lesson|game|round|season|episode|act|scene|number)s?$"
)
pattern(
    "DOING",
    r" (?!was|is|of|and)(?:[a-z]+ed|wrote|read|bought|likes?|loves?|want|think|know|found|saw|made|have"
    r"|had|am|did|"
    r"can|could|would|will|need|never|always|really|just)\b",
)
pattern(
    "ORDERED_BY_ROMAN",
    r" (?:[Cc]entur|[Dd]ynast|[Oo]lympi|Corps|Army|Amendment|Legion|[Aa]rrondissement|Fleet)",
)
pattern("INITIAL_AHEAD", rf"\. ?(?!(?:{'|'.join(sorted(STARTERS))})\b)[A-Z]")
pattern(
    "FAMILY",
    r"[,;:.)]|'s|\s(?:and|was|is|of|had|has|said|who|died|won|played|were|are|came|went|wrote|sang|ran|led"
    r"|made|took|has|[a-z]{2,}ed)\b|$",
)
words(
    "FIRST_NAMES",
    frozenset(
        """Adam Ben Benjamin Bill Bob Calvin Cal Chris Daniel Davis Dale Frank Gary Hank Harry Howard Hugh
    Jack Jay Jeff Jim Jimmy Joe Ken Larry Loudon Mark Mike Oliver Ralph Randall Ray Robin Roger Ron Roy Sam
    Samuel Steve Ted Thomas Thurston Tim Tom Tommy Tony Walter Wayne Will Willie Winthrop Al Alan Allen
    Arthur Barry Brian Bruce Carl Cornelius Cyrus Dan Don Douglas Earl Ed Edgar Ernest Floyd Fred Glenn
    Gordon Herbert Herman Ira Jacob Jerry Kevin Lee Leonard Lewis Lloyd Marvin Matthew Melvin Nathan Nelson
    Norman Patrick Phil Rex Russell Sidney Stanley Todd Vincent Warren Wesley Harrison Clarence Curtis Dean
    Dennis Derek Donald Eddie Eugene Gene Gerald Griffin Harvey Isaac Jason Jonathan Josh Justin Keith Kurt
    Larry Laurence Lawrence Leon Luther Marcus Marshall Mitchell Morris Neil Oscar Owen Percy Preston Quincy
    Reginald Rick Roland Scott Sean Spencer Terry Travis Tyler""".split()
    ),
)
ROMAN: tuple[Rule, ...] = (
    rule(r"\b([A-Z][a-z]+) ([IVXL]{1,6}) ?- ?([IVXL]{1,6})\b", "romans()", "-"),
    rule(r"([IVXLCDM](?<![\w'.-].)[IVXLCDM]{0,11})('s)?(?!\w|\.\w|'[a-rt-z])", "roman()", "A-Z"),
)

# --- Initials and initialisms ---

pattern(
    "IT_WORK",
    r"\s(?:department|team|staff|support|guy|guys|manager|security|system|industry|worker|job|firm)",
)
pattern("WORD_AFTER", r" ([A-Z][A-Za-z'-]*)")
pattern(
    "INITIAL_BEFORE",
    r"(?:^|[.?!:;,\"'(] ?|\b[A-Z][\w'-]*\.? |\b(?:by|of|and|to|from|with|read|see|for|met) )$",
)
_DOTTED = r"([A-Za-z](?<![A-Za-z.].)\.(?:[A-Za-z]\.)+)([A-Za-z](?![A-Za-z]))?( ?(?='s\b)|-(?=[A-Za-z]))?"
# What is no stammer.
words(
    "LIMBS",
    frozenset(
        "D-day D-Day d-day S-shape S-shaped C-class C-clamp T-top T-test t-test T-tests S-series".split()
    ),
)
CAPITALS: tuple[Rule, ...] = (
    rule(r"\b([A-Z]{1,3})&([A-Z]{1,3})\b", "initials_and_initials()", "&"),
    rule(
        r"(?i)(?<![\w'-])(?:([b-df-hj-np-tv-z]{1,2}|[a-z])-)(?:\1-){0,4}((?=\1)[a-z']+)(?![\w-])",
        "stammer()",
        "-",
    ),
    rule(r"(?<=[A-Za-z])-(?=(?:[A-Z]\.){2})", " ", "-"),
    rule(_DOTTED, "letters_with_stops()", "."),
    rule(r"([A-Z](?<![A-Za-z\d'.].)[A-Z]{1,19})('?s)?(?![A-Za-z\d])", "capitals()"),
    rule(r"([A-Z])(?<![A-Za-z'].)(\.(?= [A-Z]|\s*$|[\"')]))?(?![A-Za-z'])", "capital_alone()", "A-Z"),
)
