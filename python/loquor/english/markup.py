"""What is written for machines or the eye: tags, entities, links, footnote marks, ends of lines."""

from __future__ import annotations

import html
import re

from ..text.lines import LineEnd, Lines, ends_itself
from .rules import Match, Stage, rule

__all__ = ["join_lines", "without_markup"]

# --- Entities and tags ---

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z][A-Za-z\d]{1,30});")
_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*)((?:\s[^<>]*)?)/?>")
_ALIAS = re.compile(r"""<sub\s[^<>]*\balias=["']([^"'<>]*)["'][^<>]*>[^<>]*</sub>""")
_ANGLED = re.compile(r"<((?:https?://|mailto:)?[^<>\s@]{1,80}@[^<>\s@]{1,80}|https?://[^<>\s]{1,300})>")
_DECLARATION = re.compile(r"<[!?][A-Za-z][^<>]*>")
_NAMES = frozenset(
    """a abbr acronym address article aside audio b base bdi bdo big blockquote body br break button caption
    center cite code col colgroup data dd del desc details dfn div dl dt em emphasis fieldset figcaption
    figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label lang
    legend lexicon li link lookup main map mark meta metadata nav object ol optgroup option p param phoneme
    picture pre prosody q rp rt ruby s samp say-as script section select small source span speak strike
    strong style sub summary sup svg table tbody td template textarea tfoot th thead time title token tr
    track tt u ul var video voice w wbr""".split()
)
"""The names of HTML's and SSML's tags."""
_PAUSES = {
    "li": "\n- ", **dict.fromkeys(("break", "br", "dt", "dd", "tr", "td", "th"), ", "),
    **dict.fromkeys("p div h1 h2 h3 h4 h5 h6 hr table ul ol dl blockquote section header footer".split(),
                    "\n\n"),
}  # fmt: skip
_NOT_TEXT = ("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>")


def without_markup(text: str) -> tuple[str, tuple[str, ...]]:
    """The text that is left, and the names of the tags that went, each once."""
    dropped: dict[str, None] = {}
    if "&" in text:
        for _ in range(2):  # what passed through two programs is encoded twice
            text = _ENTITY.sub(lambda m: _printable(html.unescape(m[0])), text)
    if "<" in text:
        text = _ANGLED.sub(r" \1 ", text)
        for opened, closed in _NOT_TEXT:
            text = _without_blocks(text, opened, closed)
        if "alias=" in text:
            text = _ALIAS.sub(r"\1", text)
        ends = {m[2].lower() for m in _TAG.finditer(text) if m[1]}
        text = _DECLARATION.sub("", text)
        text = _TAG.sub(lambda m: _tag(m, ends, dropped), text)
    for _ in range(3):  # one mark may hide another
        before, text = text, _MARKUP.apply(text)
        if text == before:
            break
    return text, tuple(dropped)


def _printable(character: str) -> str:
    return character if character.isprintable() else " "


def _without_blocks(text: str, opened: str, closed: str) -> str:
    """Without what stands between the two, them included."""
    kept, place = [], 0
    while (start := text.find(opened, place)) >= 0 and (end := text.find(closed, start)) >= 0:
        kept.append(text[place:start])
        place = end + len(closed)
    return "".join([*kept, text[place:]]) if kept else text


def _tag(match: Match, ends: set[str], dropped: dict[str, None]) -> str:
    name = match[2].lower()
    if name not in _NAMES and name not in ends and ":" not in name:
        return f" {match[2]} " if not match[3].strip() else match[0]
    dropped[name] = None
    return _PAUSES.get(name, "")


# --- Markdown and footnotes ---

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWERS_OF = frozenset(
    """cm km mm nm dm ft yd mi in ha sec min hr sin cos tan cot log exp meter meters metre metres mile miles
    foot feet inch inches yard yards inv""".split()
)
_NUMBERS_OF_NOTES = r"[1-9]\d{0,2}(?:\s?[,–-]\s?\d{1,3})*"


def _raised(match: Match) -> str:
    """The word alone, unless the raised number is a power of it."""
    word = match[1]
    power = word in _POWERS_OF or (len(word) == 1 and (word not in "aI" or match[0][1:] in ("²", "³")))
    return match[0] if power else word


def _joined(match: Match) -> str:
    return match[0].replace("[", "").replace("]", "")


_MARKUP = Stage(
    rule(r"!?\[([^\[\]\n]{0,300})\]\([^\s()]*(?:\([^\s()]*\)[^\s()]*)?(?:\s[\"'][^\"'\n()]*[\"'])?\)",
         r"\1", "( [ ]"),
    rule(r"\[(\d*[^\[\]\n\d][^\[\]\n]{1,300})\]\[\d*\]", r"\1", "[ ]"),
    rule(rf"(?<=[A-Za-z]{{2}})\[\s?{_NUMBERS_OF_NOTES}\s?\]"
         rf"|(?<=[.,;:!?)\]\"'”’])\[\s?{_NUMBERS_OF_NOTES}\s?\]",
         "", "[ ]"),
    rule(r"(?i)\s?\[(?:\^[\w-]{1,20}|citation needed|clarification needed|who\?|when\?|note \d+|nb \d+"
         r"|edit)\]", "", "[ ]"),
    rule(rf"([A-Za-z]+)[{_SUPERSCRIPTS}]+(?![\w⁻])", _raised, _SUPERSCRIPTS),
    rule(rf"(?<=[.,;:!?\"”’])[{_SUPERSCRIPTS}]+(?!\w)", "", _SUPERSCRIPTS),
    rule(r"[ \t]?\{[#.:][\w:.# =\"-]{1,80}\}", "", "{"),
    rule(r"(?m)^[ \t]*(?:```|~~~).*$", "", "`~"),
    rule(r"(?m)^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+[ \t:-]*$", "", "|"),
    rule(r"(?m)^[ \t]*\||\|[ \t]*$", "", "|"),
    rule(r"[ \t]+\|[ \t]+", ", ", "|"),
    rule(r"(?m)^[ \t]*#{1,6}[ \t]+", "", "#"),
    rule(r"(?m)^[ \t]*>+(?=[ \t>A-Za-z\"'])[ \t>]*(?![ \t]*\d)", "", ">"),
    rule(r"(?<![*\w])(\*{1,3}|__)(?=[^\s*_])([^*\n]{1,300}?)(?<=[^\s*_])\1(?!\w)", r"\2", "*_"),
    # the letter that an editor changed belongs to its word; "sic" is for the eye
    rule(r"(?:\[[A-Za-z]\])+(?=[^\W\d_])|(?<=[^\W\d_])(?:\[[a-z]{1,3}\])+", _joined, "[ ]"),
    rule(r"\[([A-Za-z])\]", r" \1 ", "[ ]"),
    rule(r"(?i)\s?\[sic\.?\]", "", "[ ]"),
    rule(r"\[((?:the|an?|of|in|to|and|his|her|its|their|our|my|is|are|was|were|who|that|this|these|those"
         r"|it|he"
         r"|she|they|we|i\.e\.|e\.g\.)\b[^\[\]\n]{1,200})\]", r"\1", "[ ]"),
)  # fmt: skip


# --- Ends of lines ---

_ITEM = re.compile(r"[ \t]*(?:[-*+•▪◦‣–—][ \t]+|(?=\(?(?:\d{1,3}|[a-z])[.)][ \t]))")
_PAUSES_BEHIND: dict[LineEnd, str] = {"line": ", ", "paragraph": ". "}


def join_lines(text: str) -> str:
    """One line: a break within a word goes, one that ends a line on purpose becomes a pause."""
    if "\n" not in text:
        return _without_item(text)
    out, line = [], ""
    for stretch, end in Lines().add(text.strip(), last=True):
        line += stretch
        if end is not None:
            line = _without_item(line.strip())
            out.append(line + (" " if ends_itself(line) else _PAUSES_BEHIND[end]))
            line = ""
    return "".join([*out, _without_item(line)])


def _without_item(line: str) -> str:
    """Without what an item of a list begins with."""
    item = _ITEM.match(line)
    return line[item.end() :] if item else line
