"""Rules for what computers read: addresses, paths, names with dots, options, versions, numbers of bugs."""

from __future__ import annotations

import re

from .letters import spell_code, spell_letters
from .numbers import cardinal, digits, number, year
from .rules import Match, Rule, rule
from .signs import FILE_SUFFIXES

__all__ = ["ADDRESSES", "TECHNICAL", "VERSIONS"]

_SPOKEN_DOMAINS = frozenset(("com", "org", "net", "gov", "info", "app", "blog", "shop"))
_SIGNS = {
    ".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "+": "plus", "#": "hash",
    "=": "equals", "&": "and", "%": "percent", "?": "question mark", ":": "colon", "~": "tilde",
    "\\": "backslash", "*": "star", "$": "dollar",
}  # fmt: skip
_RUNS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]")

# --- Web and mail addresses ---

_MAIL = r"[\w.+-]{1,64}@[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)+"
_DOMAINS = "com|org|net|edu|gov|io|ai|dev|info|app|co|uk|de|fr|eu|ca|au|ch|at|us|tv|me"
_URL = r"[^\s,;!\"<>()\[\]\ue000]+"  # U+E000 stands for a tag
_PATH = rf"(?:[/?#](?:{_URL})?)?"


def _spell_address(match: Match) -> str:
    """'ann@mail.org' -> 'ann at mail dot org', 'https://a.io/x' -> 'ay dot eye oh slash ex'."""
    whole = match[0]
    address = whole.rstrip(".:?-/'")
    rest = whole[len(address) :].lstrip("/-'")
    address = re.sub(r"^(?:\w+://)?(?:www\.)?", "", address)
    return f" {_spell_runs(address)}{rest}"


def _spell_runs(text: str) -> str:
    runs = [_SIGNS.get(run, "") if not run.isalnum() else _spell_part(run) for run in _RUNS.findall(text)]
    return " ".join(filter(None, runs))


def _spell_part(run: str) -> str:
    if run.lower() in _SPOKEN_DOMAINS or (
        len(run) > 2 and run.isalpha() and set(run.lower()) & set("aeiouy")
    ):
        return run.lower() if run.lower() != "edu" else spell_letters(run)
    return spell_letters(run) if run.isalpha() else spell_code(run)


ADDRESSES: tuple[Rule, ...] = (
    rule(
        rf"(?a)(?<![\w@.+-])(?:{_MAIL}|(?:https?|ftp)://{_URL}|www\.{_URL}"
        rf"|(?:[A-Za-z\d-]+\.)+(?:{_DOMAINS})(?![\w-]|\.\w){_PATH})",
        _spell_address,
        "",
        "://|www.|a.a|A.a|0.a|-.a|@a|@A|@0|@-",
    ),
)


# --- Paths, names with dots, options ---

_BEFORE = r"(?:(?<=[\s\"'(=:>\[])|^)"
_FOLDERS = frozenset(
    """etc usr bin sbin src lib var home tmp opt dev proc sys mnt debian d docs tests doc""".split()
)
_KINDS_OF_UNIT = frozenset("service socket timer target mount".split())
"""Endings of the names of systemd's units; a sentence that lacks the space before it has a capital."""
_DOT_FILES = frozenset("profile config ssh env git cache local gitignore bash_history htaccess".split())
_KNOWN_OPTIONS = frozenset(
    """help version verbose quiet force all output input debug yes no user global recursive install name
    path file config test list update upgrade delete remove dry-run prefix color release port host""".split()
)


def _spelled(match: Match) -> str:
    whole = match[0].rstrip(".:")
    stop = match[0][len(whole) :]
    return f" {_spell_runs(whole)}{stop} "


def _relative_path(match: Match) -> str:
    parts = match[0].rstrip(".:/").split("/")
    is_path = len(parts) > 3 or parts[0] in _FOLDERS or any(re.search(r"\w\.[A-Za-z]|_", p) for p in parts)
    return _spelled(match) if is_path and len(parts) > 1 else match[0]


def _dotted_name(match: Match) -> str:
    """'server.conf', 'org.mozilla.browser'; but 'day.as' is two sentences with a space missing."""
    parts = match[0].split(".")
    if len(parts[0]) == 1 and not match[0].islower():
        return match[0]
    if len(parts) > 2:
        is_name = match[0].islower() and (
            (parts[-1] in FILE_SUFFIXES and len(parts[-1]) > 1) or all(len(part) > 1 for part in parts[:-1])
        )
    else:
        is_name = len(parts[0]) > 1 and (
            (parts[1] if len(parts[1]) < 3 else parts[1].lower()) in FILE_SUFFIXES
            or parts[1] in _KINDS_OF_UNIT
            or "_" in parts[0][1:-1]
        )
    return f" {_spell_runs(match[0])} " if is_name else match[0]


def _dot_file(match: Match) -> str:
    name = match[1]
    known = name.lower() in FILE_SUFFIXES or name in _DOT_FILES or name.endswith(("rc", "ignore"))
    return f" dot {_spell_runs(name)} " if known else match[0]


def _option(match: Match) -> str:
    dashes, name, value = match[1], match[2], match[3]
    spoken = name.replace("-", " dash ") if len(dashes) == 2 else spell_letters(name)
    words = f" {'dash ' * len(dashes)}{spoken} "
    return words + (f"equals {value[1:]}" if value else "")


TECHNICAL: tuple[Rule, ...] = (
    rule(rf"{_BEFORE}(?:~|\.{{1,2}})?/[\w.][\w./@%+~-]*(?![\w'])", _spelled, "/", "/a|/A|/0|/_|/."),
    rule(r"\b[A-Z]:\\[\w.\\-]*", _spelled, "\\"),
    rule(r"(?<![\w/.@:~-])[A-Za-z_][\w-]*(?:/[A-Za-z_.][\w.+-]*)+/?", _relative_path, "/", "/a|/A|/_|/."),
    rule(r"(?<![\w.@/-])[A-Za-z_][\w-]*(?:\._?[A-Za-z][\w-]*){1,20}(?![\w@])", _dotted_name, ".", ".a|.A|._"),
    rule(r"(?:\b(ASP|VB|ADO)|(?<![\w.]))\.(?:NET|net)\b", lambda m: f"{m[1] or ''} dot net", ".", ".net"),
    rule(rf"{_BEFORE}\.([A-Za-z][\w-]{{0,20}})(?=[\s,;:!?)\"']|\.?$|\.\s)", _dot_file, ".", ".a|.A"),
    # options
    rule(r"(?:(?<=\s)|^)(--)([a-z]+(?:-[a-z]+)*)((?:=[^\s,;]*)?)(?!\w)",
         lambda m: _option(m) if m[3] or "-" in m[2] or m[2] in _KNOWN_OPTIONS else m[0], "-", " --a|\n--a"),
    rule(r"\b((?:ls|rm|cp|mv|ps|ssh|scp|tar|grep|sed|awk|git|pip|apt|curl|wget|docker|chmod|find|sudo"
         r"|python|make"
         r"|gcc|man|df|du|cat|kill|npm|rsync|ssh|head|tail|sort|uname|ping"
         r"|netstat) )(-)([A-Za-z]{1,5})(?![\w'-])",
         lambda m: f"{m[1]} dash {spell_letters(m[3])} ", "-", "a -a|a -A"),
    rule(r"(?:(?<=\s)|^)(-)([B-HJ-Z]|[b-hj-z]|[b-df-hj-np-tv-z]{2,4})()(?![\w'./-]|\s-)", _option, "-",
         " -a| -A|\n-a|\n-A"),
    rule(r"(?<!\w)\$(\{?)([A-Za-z_][A-Za-z_]+)\}?(?![\w.])",
         lambda m: f" dollar {m[2].replace('_', ' ')} ", "$", "$a|$A|$_|${"),
    rule(r"(?<=[\"'=(])\$(\d)(?=[\"')])", r" dollar \1 ", "$ 0-9", "\"$0|'$0|=$0|($0"),
    rule(r"(?<=[A-Za-z])~(?=\d)", " tilde ", "~ 0-9", "a~0|A~0"),
)  # fmt: skip


# --- Versions and other numbers that are names ---


def _hexadecimal(match: Match) -> str:
    code = match[1]
    if code.isdigit() and len(code) < 5 and code[0] != "0":
        return f" zero ex {number(code)} "
    return f" zero ex {' '.join(digits(c) if c.isdigit() else spell_letters(c) for c in code)} "


def _dashed(match: Match) -> str:
    """'3.1.4-2': its parts, 'point' and 'dash' between."""
    return f" {' dash '.join(_dotted(part) for part in match[0].split('-'))} "


def _dotted(text: str) -> str:
    return " point ".join(
        spell_code(part) if not part.isdigit() else number(part) for part in text.split(".")
    )


def _vulnerability(match: Match) -> str:
    return f"see vee ee dash {year(int(match[1]))} dash {digits(match[2])} "


def _long_number(match: Match) -> str:
    return f"{match[1]}{digits(re.sub(r'[^0-9]', '', match[2]))}{' ex' if match[2][-1] in 'xX' else ''} "


def _scientific(match: Match) -> str:
    power = (match[2] or match[4]).lstrip("+").replace("-", "minus ")
    return f"{match[1] or match[3]} times ten to the power of {power} "


def _section(match: Match) -> str:
    """'C.3.1' -> 'see point three point one'."""
    numbers = " point ".join(cardinal(int(part)) for part in match[2][1:].split("."))
    return f" {spell_letters(match[1])} point {numbers} "


_NAMED_BY_NUMBER = re.compile(
    r"(?i)\b(?:(?:bug|ticket|issue)s?|(?:account|serial|tracking|order|case|card|model|part|reference"
    r"|confirmation"
    r"|passport|policy) (?:number|no\.?|code)(?: is|:)?) $"
)


def _number_that_names(match: Match) -> str:
    named = _NAMED_BY_NUMBER.search(match.string[max(0, match.start() - 24) : match.start()])
    return digits(match[0]) if named else match[0]


VERSIONS: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(\d{1,15}(?:\.\d{1,15})?)[eE]([+-]\d{1,3})\b|(?<![\w.])(\d{1,15}\.\d{1,15}"
         r"|\d(?=[eE]\d\d))[eE](\d{1,3})\b",
         _scientific, "+-. 0-9", "0a-|0a+|0a0|0A-|0A+|0A0"),
    rule(r"\b0[xX]([\da-fA-F]{1,32})\b", _hexadecimal, "0-9", "0x"),
    rule(r"\bCVE-(\d{4})-(\d{4,7})\b", _vulnerability, "0-9", "cve-"),
    rule(r"(?i)\b((?:ISBN(?:-1[03])?|ISSN|EAN|UPC|IMEI)(?:\s?:|\s?number)?\s?)(\d[\d -]{6,18}[\dxX])\b",
         _long_number, "0-9", "isbn|issn|ean|upc|imei"),
    rule(r"(?i)\b(zip(?: codes?)?(?: is|:)? )(\d{5})\b(?:-(\d{4}))?",
         lambda m: f"{m[1]}{digits(m[2])}{' dash ' + digits(m[3]) if m[3] else ''}", "0-9",
         "zip"),
    rule(r"(?<= )\d{5,12}\b", _number_that_names, "0-9", " 00000"),
    rule(r"#(\d{5,12})\b", lambda m: f" number {digits(m[1])} ", "# 0-9", "#00000"),
    rule(r"(?<![\w.,-])\d+(?:\.\d+){2,5}(?:-\d+(?:\.\d+){0,4}){1,2}(?![\w-])", _dashed, "- . 0-9", "0-0"),
    # a V8 is an engine
    rule(r"\b(?!V(?:[468]|1[026])\b(?!\.\d))[vV](\d+(?:\.\d+)*)\b", lambda m: f"version {_dotted(m[1])}",
         "0-9", "a0|A0", "v"),
    rule(r"(?<![\w.,])([A-Z])((?:\.\d{1,3})+)(?!\w|\.\w)", _section, ". 0-9", "A.0"),
)  # fmt: skip
