"""Where sentences end: what the library finds, put right where abbreviations and numbers mislead it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from ..text.lines import CLOSERS, MARKER

__all__ = ["sentences"]

_BARE_MARKER = re.compile(rf"\s*{MARKER}\s*")
_AFTER_STOP = CLOSERS[1:-1].replace("\\", "")
_CLOSERS = re.compile(rf"(?:_*{CLOSERS}(?:{CLOSERS}|[_*])*|_+)(?=[\s.,;:!?]|$)\s*")
"""What closes the sentence before, where the library lets it open the next."""
_CLOSING = frozenset(_AFTER_STOP + "_")
_OPENERS = "`\"'“‘„«‹([{"  # noqa: RUF001
_OPENED = re.compile(rf"(?<=\s)[{re.escape(_OPENERS)}]+$")
"""What opens the next sentence, where the library leaves it at the end of this one."""
_WORDS_ONLY = re.compile(r"[\w ,'-]*", re.ASCII)
_NO_BEGIN = re.compile(r"[.&,;:!?](?=\s|$)|[)\]}]")
"""No sentence begins so: it is the rest of an ellipsis, or goes on."""
_NO_BEGINNING = frozenset(".&,;:!?)]}")
_LONGEST_MARKER = len("(100)")


def sentences(block: str, language: str) -> list[str]:
    """Sentences in order, each with the white space behind it: in a row they are the block."""
    return list(_remembered(block, language)) if len(block) <= _SHORT else _sentences(block, language)


_SHORT = 240


@lru_cache(maxsize=64)  # what is behind a cut is looked at anew, stop by stop
def _remembered(block: str, language: str) -> tuple[str, ...]:
    return tuple(_sentences(block, language))


def _sentences(block: str, language: str) -> list[str]:
    if _WORDS_ONLY.fullmatch(block):
        return [block] if block else []
    import sentencex  # type: ignore[import-untyped]

    found: list[str] = []
    for sentence in sentencex.segment(language, block):
        after = sentence
        if found:
            if after[:1] in _CLOSING and (closers := _CLOSERS.match(after)):
                found[-1] += closers[0]
                after = after[closers.end() :]
            is_opened = after and found[-1].rstrip("\n")[-1:] in _OPENERS
            if is_opened and (opened := _OPENED.search(found[-1])):
                found[-1], after = found[-1][: opened.start()], opened[0] + after
            if not after.strip() or _goes_on(found[-1], after, language):
                found[-1] += after
                continue
        found.append(after)
    return found if language != "en" else [part for sentence in found for part in _divided(sentence)]


def _goes_on(before: str, after: str, language: str) -> bool:
    if after[0] in _NO_BEGINNING and _NO_BEGIN.match(after):
        return True
    is_glued = after[0] in "{[(</\\_" and not before[-1].isspace()
    before = before.rstrip()
    if (len(before) <= _LONGEST_MARKER or before[0].isspace()) and _BARE_MARKER.fullmatch(before):
        return True
    if after[0].islower() and _ends_in_ellipsis(before):
        return True
    if language != "en" or not before.endswith("."):
        return False
    # glued: the dot in a name such as cron.{daily}
    return is_glued or _goes_on_in_english(before[-_SEEN:], after[:_SEEN])


def _ends_in_ellipsis(text: str) -> bool:
    text = text.rstrip(_AFTER_STOP)
    return text.endswith("…") or (text.endswith(".") and text[:-1].rstrip().endswith("."))


# --- English ---

_STARTERS = frozenset(
    """A After All Also An And Another Are As At Because Before But By Did Do Does For From He Her Here His
    How I If In Is It Its Let Many Maybe My No Nobody Not Now Of On One Our Perhaps She Since So Some Soon
    Such That The Their Then There These They This Those To Today Tomorrow Two Was We Were What When Where
    While Who Why With Yesterday Yet You Your""".split()  # noqa: SIM905
)
"""Words that begin a sentence if they have a capital; no name begins with them."""
_WEEKDAYS = "Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun"
_MONTHS = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_STATES = "Mass|Wash|Wis|Calif|Conn|Minn|Mich|Tenn|Penn|Pa|Fla|Ga|Va|Md|Ky|Ill|Tex|Colo|Ariz|Okla|Ore|Del"
_FIRST_NAMES = "Wm|Geo|Chas|Thos|Jas|Jos|Robt|Edw|Benj|Saml|Danl|Alex|Fredk"
_BOOKS = (
    "Gen|Exod?|Lev|Num|Deut|Josh|Judg|Sam|Kgs|Chr|Chron|Neh|Esth|Pss?|Prov|Eccl|Isa|Jer|Lam|Ezek|Dan|Hos|Mic"
    "|Hab|Zeph|Zech|Mal|Matt|Mk|Lk|Jn|Rom|Cor|Gal|Eph|Phil|Col|Thess|Tim|Tit|Philem|Heb|Pet|Rev"
)
_PARTS = "eqs?|vols?|chs?|chap|chaps|figs?|refs?|sects?|paras?|pts?|bks?|nos?|pp?|cols?|tabs?|arts?|secs?"
_BEFORE_SMALL = (
    "cu|sq|incl|excl|tsp|tbsp|lbs?|oz|gal|qt|hrs?|mins?|secs?|yrs?|mos|wk|govt|dept|approx|appt|est|misc|orig"
    "|trans|pr|vb|resp|eds?|vols?|chap|chaps|figs|eqs?|refs|paras?|sect|esp|viz|usu|obs|abbr|colloq|max|min"
)
# Where no more than a capital or a digit of what follows is known, the sentence may go on.
_TOGETHER: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(before + r"\.$"), re.compile(after))
    for before, after in (
        (rf"\b(?i:{_BEFORE_SMALL})", r"[a-z]"),
        (rf"(?<!the )\b(?:{_WEEKDAYS})", rf"[a-z\d]|(?:{_WEEKDAYS}|{_MONTHS})\b|[A-Z]$"),
        (rf"\b(?:{_STATES})", r"(?:Ave|St|Rd|Blvd|Gov|Sen|Rep|Atty)\b|[A-Z]$"),
        (rf"\b(?:{_FIRST_NAMES}|Atty|Op|Loc)", r"[A-Z(]"),
        (rf"\b(?:{_BOOKS})", r"\d+(?::\d|$)"),
        (rf"(?:\d|\b[IV]+|First|Second|Third) (?:{_BOOKS})", r"\d"),
        (rf"\b(?i:{_PARTS})", r"\(?\d|\(?[IVXLC]+\b"),
        (r"(?i:\b(?:est|pop|max|min|incl|approx|resp))", r"\d"),
        (r"(?<![\w.])[a-z]", r"\d"),
        (r"\b[ap]\.?m", r"(?:GMT|UTC|(?:[ECMP]|AK|B|CE)[DS]?T)\b|[A-Z]$"),
    )
)


@cache
def _never_last() -> re.Pattern[str]:
    from ..text.titles import BEFORE_NAMES, TITLES

    titles, names = "|".join(title for title in TITLES if title != "st"), "|".join(BEFORE_NAMES)
    return re.compile(rf"(?i:(?<![\w.])(?:{titles}|vs|approx|cf|e\.g|i\.e)\.)$|\b(?:{names})\.$")


_SEEN, _WORDS_SEEN = 80, 24
"""Characters beside a stop that decide about it, and those that the abbreviation and its like are in."""


def _goes_on_in_english(before: str, after: str) -> bool:
    words = before[-_WORDS_SEEN:]
    split = words.rsplit(" ", 3)
    last_three = words[len(split[0]) :] if len(split) == 4 else words
    if (together := _kept_together(last_three)) is None:
        return True
    if words.endswith(("St.", "st.")) and words[-4:-3] in ("", " ", "("):
        return _first_word(after) not in _STARTERS
    if after[0].isdigit() and _NUMBERED.search(words):
        return not _is_number_of_next(before, after)
    return bool(together) and any(first.match(after) for first in together)


@lru_cache(maxsize=512)  # the same stop with more and more behind it, and with each stop that follows
def _kept_together(words: str) -> tuple[re.Pattern[str], ...] | None:
    """What goes on with the sentence that seemed to end in these words; None: whatever follows does."""
    if _never_last().search(words):
        return None
    return tuple(first for last, first in _TOGETHER if last.search(words))


def _first_word(text: str) -> str:
    """The first word, if another character shows that it is whole."""
    word = re.match(r"([A-Za-z]+)[^A-Za-z]", text)
    return word[1] if word else ""


# A stop before a number: "see no. 3" is one sentence, "I said no. 3 men left" is two.

_NUMBERED = re.compile(r"\b(?:[Nn]os?|[Aa]rt|[Ff]igs?|[Ss]ec|[Aa]pt|[Ee]xt|[Ee]d|[Cc]h|[Vv]ols?)\.$")
_WORD_STOP_NUMBER = re.compile(r"(?:\b(?:nos?|arts?|figs?|sec|apt|ext|[Ee]d|ch|vol)|\b[Vv]itamin [A-Za-z]"
                               r"|(?<![\w.])(?:[A-Z]\.)*[A-Z])\.\s+(?=\d)")  # fmt: skip
_COUNTED = re.compile(r"\d[\d,]*\s+([a-z]+)\b(?!\.\w)(?: (us|them|you)\b)?")
_NOT_COUNTED = frozenset(
    """a above alone also an and are as at below but by can for from had has have here if in is it may must
    now of on or says see should shows than that the there to today was were when where which who will with
    would""".split()  # noqa: SIM905
)
_SAY_NO = re.compile(
    r"(?:\b(?:say|says|said|saying|answer(?:s|ed)?|repl(?:y|ies|ied)|vote[sd]?|shouted|is|was|means?|meant|"
    r"tell|told|(?:told|tell|tells) \w+|yes or|just|simply|plain)|\bno,) no\.$"
)
_NUMBERED_THINGS = re.compile(
    r"\b(?:house|room|flat|bus|line|tram|train|flight|platform|track|pier|gate|door|window|lot|plot|part|item|"
    r"case|question|problem|point|rule|law|act|bill|form|page|chapter|opus|op\.|symphony|sonata|concerto|"
    r"quartet|mass|song|hymn|psalm|channel|station|school|mill|mine|pit|car|boat|ship|gun|plant|unit|reactor|"
    r"model|serial|patent|report|paper|document|file|account|ticket|seat|table|box|cell|block|building|in|at|"
    r"to|from|of|see|and|or|the|as|by|with|under|on) (?:no|No)\.$"
)
_OF_ONE = re.compile(
    r"\b(?:an?|my|his|her|your|our|their|this|that|some|any) (?:art|fig|sec|ed|ext|ch|vol)\.$"
)
_IS_APT = re.compile(r"\b(?:is|was|are|were|be|seems?|very|so|more|most) apt\.$")
_LOWER_BEFORE = re.compile(
    r"\b(?!(?:see|in|of|under|by|to|from|and|or|per|the|with|at|cf)\b)[a-z]+ (?:\w+)\.$"
)


@lru_cache(maxsize=512)
def _is_number_of_next(before: str, after: str) -> bool:
    """A number behind a word and its stop begins a sentence: the word is no abbreviation here."""
    counted = _COUNTED.match(after)
    of_us = counted is not None and counted[1] == "of" and counted[2] is not None
    counts = of_us or (counted is not None and counted[1] not in _NOT_COUNTED)
    word = before.rsplit(None, 1)[-1].rpartition("(")[2][:-1]
    if word in ("no", "nos"):
        return bool(_SAY_NO.search(before)) or (counts and not _NUMBERED_THINGS.search(before))
    if word == "apt":
        return counts and _IS_APT.search(before) is not None
    if word[:1].isupper() and word != "Ed":
        return counts and (len(word) == 1 or "." in word)
    if _OF_ONE.search(before[-_WORDS_SEEN:]):
        return word != "ed" or counts
    return of_us or (counts and (_LOWER_BEFORE.search(before) is not None or len(word) == 1))


_STREET = re.compile(r"\b(?:[A-Z][a-z]+|\d+(?:st|nd|rd|th)) St\.\s+(?=([A-Z][a-z]*)[^A-Za-z])")
_STOP_NUMBER, _SPACED_STOPS = re.compile(r"\.\s+\d"), re.compile(r"\.\s+\.\s+\.\s+\.")
_STOP_AND_ELLIPSIS = re.compile(r"\w\.(?:\s+\.){3}\s+(?=[A-Z\"“])")
_ASIDE = re.compile(
    r"(?:\((?:[^\s()]+\s+){2,}[^\s()]+[.!?][\"”]?\)|\[(?:[^\s\[\]]+\s+){2,}[^\s\[\]]+[.!?][\"”]?\])"
    r"\s+(?=[\"“(\[]?[A-Z])"
)
"""A sentence in brackets of its own."""


def _divided(sentence: str) -> Iterator[str]:
    """The sentences that the library took for one."""
    if "." not in sentence and sentence[:1] not in ("(", "["):
        yield sentence
        return
    start = 0
    if sentence[:1] in ("(", "[") and (aside := _ASIDE.match(sentence)):
        start = aside.end()
        yield sentence[:start]
    ends: list[int] = []
    if " St." in sentence:
        ends += [stop.end() for stop in _STREET.finditer(sentence, start) if stop[1] in _STARTERS]
    if _SPACED_STOPS.search(sentence, start):
        ends += [stop.end() for stop in _STOP_AND_ELLIPSIS.finditer(sentence, start)]
    for stop in _WORD_STOP_NUMBER.finditer(sentence, start) if _STOP_NUMBER.search(sentence, start) else ():
        end = stop.end()
        before = sentence[max(start, end - _SEEN) : end].rstrip()
        if _is_number_of_next(before, sentence[end : end + _SEEN]):
            ends.append(end)
    for end in sorted(ends):
        yield sentence[start:end]
        start = end
    yield sentence[start:]
