"""Rules for what computers read: addresses, paths, names with dots, options, versions, numbers of bugs."""

from __future__ import annotations

from .rule import Rule, pattern, rule, table, words

__all__ = ["ADDRESSES", "TECHNICAL", "VERSIONS"]


pattern("RUNS_AND_SIGNS", r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]")

# --- Web and mail addresses ---

_MAIL = r"[\w.+-]{1,64}@[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)+"
_DOMAINS = "com|org|net|edu|gov|io|ai|dev|info|app|co|uk|de|fr|eu|ca|au|ch|at|us|tv|me"
_URL = r"[^\s,;!\"<>()\[\]\ue000]+"  # U+E000 stands for a tag
_PATH = rf"(?:[/?#](?:{_URL})?)?"
ADDRESSES: tuple[Rule, ...] = (
    rule(
        rf"(?a)(?<![\w@.+-])(?:{_MAIL}|(?:https?|ftp)://{_URL}|www\.{_URL}"
        rf"|(?:[A-Za-z\d-]+\.)+(?:{_DOMAINS})(?![\w-]|\.\w){_PATH})",
        "spell_address()",
    ),
)

pattern("BEFORE_ADDRESS", r"(?:\w+://)?(?:www\.)?")
table("SIGNS_OF_ADDRESSES", {
    ".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "+": "plus", "#": "hash",
    "=": "equals", "&": "and", "%": "percent", "?": "question mark", ":": "colon", "~": "tilde",
    "\\": "backslash", "*": "star", "$": "dollar",
})  # fmt: skip
words("SPOKEN_DOMAINS", frozenset(("com", "org", "net", "gov", "info", "app", "blog", "shop")))

# --- Paths, names with dots, options ---

_BEFORE = r"(?:(?<=[\s\"'(=:>\[])|^)"
pattern("NAME_OF_FILE", r"\w\.[A-Za-z]|_")
words(
    "FOLDERS",
    frozenset(
        """etc usr bin sbin src lib var home tmp opt dev proc sys mnt debian d docs tests doc""".split()
    ),
)
# Endings of the names of systemd's units; a sentence that lacks the space before it has a capital.
words("KINDS_OF_UNIT", frozenset("service socket timer target mount".split()))
words(
    "DOT_FILES", frozenset("profile config ssh env git cache local gitignore bash_history htaccess".split())
)
words(
    "KNOWN_OPTIONS",
    frozenset(
        """help version verbose quiet force all output input debug yes no user global recursive install name
    path file config test list update upgrade delete remove dry-run prefix color release port host""".split()
    ),
)
TECHNICAL: tuple[Rule, ...] = (
    rule(rf"{_BEFORE}(?:~|\.{{1,2}})?/[\w.][\w./@%+~-]*(?![\w'])", "spell_path()", "/"),
    rule(r"\b[A-Z]:\\[\w.\\-]*", "spell_path()", "\\"),
    rule(r"(?<![\w/.@:~-])[A-Za-z_][\w-]*(?:/[A-Za-z_.][\w.+-]*)+/?", "relative_path()", "/"),
    rule(r"(?<![\w.@/-])[A-Za-z_][\w-]*(?:\._?[A-Za-z][\w-]*){1,20}(?![\w@])", "name_with_dots()", "."),
    rule(r"(?:\b(ASP|VB|ADO)|(?<![\w.]))\.(?:NET|net)\b", "dot_net()", "."),
    rule(rf"{_BEFORE}\.([A-Za-z][\w-]{{0,20}})(?=[\s,;:!?)\"']|\.?$|\.\s)", "dot_file()", "."),
    # options
    rule(r"(?:(?<=\s)|^)(--)([a-z]+(?:-[a-z]+)*)((?:=[^\s,;]*)?)(?!\w)", "long_option()", "-"),
    rule(
        r"\b((?:ls|rm|cp|mv|ps|ssh|scp|tar|grep|sed|awk|git|pip|apt|curl|wget|docker|chmod|find|sudo"
        r"|python|make"
        r"|gcc|man|df|du|cat|kill|npm|rsync|ssh|head|tail|sort|uname|ping"
        r"|netstat) )(-)([A-Za-z]{1,5})(?![\w'-])",
        "command_with_option()",
        "-",
    ),
    rule(
        r"(?:(?<=\s)|^)(-)([B-HJ-Z]|[b-hj-z]|[b-df-hj-np-tv-z]{2,4})()(?![\w'./-]|\s-)", "short_option()", "-"
    ),
    rule(r"(?<!\w)\$(\{?)([A-Za-z_][A-Za-z_]+)\}?(?![\w.])", "variable()", "$"),
    rule(r"(?<=[\"'=(])\$(\d)(?=[\"')])", r" dollar \1 ", "$ 0-9"),
    rule(r"(?<=[A-Za-z])~(?=\d)", " tilde ", "~ 0-9"),
)

# --- Versions and other numbers that are names ---

pattern(
    "NAMED_BY_NUMBER",
    r"(?i)\b(?:(?:bug|ticket|issue)s?|(?:account|serial|tracking|order|case|card|model|part|reference"
    r"|confirmation"
    r"|passport|policy) (?:number|no\.?|code)(?: is|:)?) $",
)
VERSIONS: tuple[Rule, ...] = (
    rule(
        r"(?<![\w.])(\d{1,15}(?:\.\d{1,15})?)[eE]([+-]\d{1,3})\b|(?<![\w.])(\d{1,15}\.\d{1,15}"
        r"|\d(?=[eE]\d\d))[eE](\d{1,3})\b",
        "scientific()",
        "+-. 0-9",
    ),
    rule(r"\b0[xX]([\da-fA-F]{1,32})\b", "hexadecimal()", "0-9"),
    rule(r"\bCVE-(\d{4})-(\d{4,7})\b", "vulnerability()", "0-9"),
    rule(
        r"(?i)\b((?:ISBN(?:-1[03])?|ISSN|EAN|UPC|IMEI)(?:\s?:|\s?number)?\s?)(\d[\d -]{6,18}[\dxX])\b",
        "long_number()",
        "0-9",
    ),
    rule(r"(?i)\b(zip(?: codes?)?(?: is|:)? )(\d{5})\b(?:-(\d{4}))?", "zip_code()", "0-9"),
    rule(r"(?<= )\d{5,12}\b", "number_that_names()", "0-9"),
    rule(r"#(\d{5,12})\b", "long_number_of_issue()", "# 0-9"),
    rule(
        r"(?<![\w.,-])\d+(?:\.\d+){2,5}(?:-\d+(?:\.\d+){0,4}){1,2}(?![\w-])",
        "version_with_dashes()",
        "- . 0-9",
    ),
    # a V8 is an engine
    rule(r"\b(?!V(?:[468]|1[026])\b(?!\.\d))[vV](\d+(?:\.\d+)*)\b", "version()", "0-9"),
    rule(r"(?<![\w.,])([A-Z])((?:\.\d{1,3})+)(?!\w|\.\w)", "section_of_appendix()", ". 0-9"),
)
