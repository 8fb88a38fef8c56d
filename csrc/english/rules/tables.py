"""What English writes short, with a full stop, and says long: titles, ranks, streets, words of notes."""

from __future__ import annotations

from .package import module
from .rule import table, words

__all__ = [
    "ABBREVIATIONS",
    "AFTER_NAMES",
    "BEFORE_NAMES",
    "BEFORE_NUMBERS",
    "BEFORE_YEARS",
    "NOTE_WORDS",
    "STARTERS",
    "TITLES",
    "UNITS_WITH_STOP",
    "WORDS_TOO",
]

_TITLES = module("titles")
TITLES, BEFORE_NAMES = _TITLES.TITLES, _TITLES.BEFORE_NAMES

# With a full stop, in any case. The stop goes, unless the sentence ends there.
ABBREVIATIONS = {
    "etc": "et cetera", "et al": "and others", "vs": "versus", "approx": "approximately",
    "dept": "department", "e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "cf": "compare",
    "assn": "association", "univ": "university", "govt": "government", "ph.d": "pee aitch dee",
    "viz": "namely", "esp": "especially", "incl": "including", "excl": "excluding", "avg": "average",
    "asst": "assistant", "intl": "international", "natl": "national", "mfg": "manufacturing",
    "mgr": "manager", "misc": "miscellaneous", "resp": "respectively", "qty": "quantity", "attn": "attention",
    "atty": "attorney", "attys": "attorneys", "op. cit": "op cit", "loc. cit": "loc cit", "et seq": "et seq",
    "ibid": "ibid", "q.v": "which see", "w.r.t": "with respect to", "eds": "editors",
    "hon": "honorable", "mtg": "meeting", "mts": "mountains", "blvd": "boulevard", "yrs": "years",
    "hrs": "hours", "mins": "minutes", "lbs": "pounds", "tel": "telephone", "ext": "extension",
    "bldg": "building", "tues": "Tuesday", "thur": "Thursday", "thurs": "Thursday",
}  # fmt: skip

# With a capital and a full stop, after a name.
AFTER_NAMES = {
    "Jr": "junior", "Sr": "senior", "Inc": "incorporated", "Ltd": "limited", "Corp": "corporation",
    "Co": "company", "Cos": "companies", "Bros": "brothers", "Ave": "avenue", "Blvd": "boulevard",
    "Rd": "road", "Hwy": "highway", "Pkwy": "parkway", "Ln": "lane", "Ct": "court", "Pl": "place",
    "Sq": "square", "Ter": "terrace", "Esq": "esquire", "Pty": "proprietary", "Mfg": "manufacturing",
}  # fmt: skip

# Only before a number: "no." is a word, and so is "fig".
BEFORE_NUMBERS = {
    "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "ch": "chapter", "chs": "chapters",
    "chap": "chapter", "vol": "volume", "vols": "volumes", "fig": "figure", "figs": "figures",
    "sec": "section", "secs": "sections", "sect": "section", "art": "article", "arts": "articles",
    "ed": "edition", "ext": "extension", "apt": "apartment", "ca": "about", "c": "about", "eq": "equation",
    "eqs": "equations", "op": "opus", "para": "paragraph", "par": "paragraph", "bk": "book", "pt": "part",
    "ll": "lines", "rm": "room", "ste": "suite", "tel": "telephone", "max": "maximum", "min": "minimum",
    "est": "established", "pop": "population", "rev": "revision", "ver": "version", "approx": "approximately",
    "rte": "route", "ex": "example", "thm": "theorem", "bldg": "building", "fl": "floor", "cap": "chapter",
}  # fmt: skip
WORDS_TOO = frozenset(
    "no fig figs sec secs art arts ed apt op par ex max min pop est ca cap pt rev fl p c".split()
)
"""Those that are words or ends of words themselves: a sentence may end with them."""

# Small, before a year, mostly in brackets.
BEFORE_YEARS = {
    "b": "born", "d": "died", "r": "reigned", "fl": "flourished", "m": "married", "est": "established",
    "ca": "about", "c": "about", "cca": "about", "circa": "about",
}  # fmt: skip

# After a number, with a full stop: one, and many.
UNITS_WITH_STOP = {
    "sq": ("square", "square"), "cu": ("cubic", "cubic"), "c": ("century", "century"),
    "cent": ("century", "century"), "ed": ("edition", "edition"), "edn": ("edition", "edition"),
    "in": ("inch", "inches"), "ft": ("foot", "feet"), "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"), "doz": ("dozen", "dozen"),
}  # fmt: skip

# What may stand before "art. 5", where a number is meant.
NOTE_WORDS = frozenset(
    "see in and to from by under per with also or compare both cf read code act law title treaty "
    "constitution".split()
)

STARTERS = frozenset(
    """The An He She It They We You This That These Those There Here In On At By For From With To And But Or
    So If When While As After Before His Her Its Their My Our Your What Who Why How Where Which Not Yes All
    Some Many Most Each Every Now Then Once Soon Only Even Still Such Although Though Because Since Until
    Unless However Another Both Few Several Nobody Nothing Everyone Everybody Somebody Someone Is Are Was
    Were Do Does Did Has Have Had Can Could Would Should Will May Let Never Perhaps Maybe Today Yesterday
    Tomorrow Later Meanwhile Finally First Next Thus Also""".split()
)
"""What begins a sentence with a capital, and no name."""

table("TITLES", TITLES)
table("ABBREVIATIONS", ABBREVIATIONS)
table("AFTER_NAMES", AFTER_NAMES)
table("BEFORE_NAMES", BEFORE_NAMES)
table("BEFORE_NUMBERS", BEFORE_NUMBERS)
table("BEFORE_YEARS", BEFORE_YEARS)
table("UNITS_WITH_STOP", UNITS_WITH_STOP)
words("NOTE_WORDS", NOTE_WORDS)
words("STARTERS", STARTERS)
words("WORDS_TOO", WORDS_TOO)
