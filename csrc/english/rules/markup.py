"""What is written for machines or the eye: tags, entities, links, footnote marks, items of lists."""

from __future__ import annotations

from .rule import Rule, pattern, rule, table, words

__all__ = ["MARKUP"]

# --- Entities and tags ---

pattern("ENTITY", r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z][A-Za-z\d]{1,30});")
pattern("MARKUP_TAG", r"<(/?)([A-Za-z][\w:-]*)((?:\s[^<>]*)?)/?>")
pattern("ALIAS", r"""<sub\s[^<>]*\balias=["']([^"'<>]*)["'][^<>]*>[^<>]*</sub>""")
pattern("ANGLED", r"<((?:https?://|mailto:)?[^<>\s@]{1,80}@[^<>\s@]{1,80}|https?://[^<>\s]{1,300})>")
pattern("DECLARATION", r"<[!?][A-Za-z][^<>]*>")
words(
    "MARKUP_NAMES",
    """a abbr acronym address article aside audio b base bdi bdo big blockquote body br break button caption
    center cite code col colgroup data dd del desc details dfn div dl dt em emphasis fieldset figcaption
    figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label lang
    legend lexicon li link lookup main map mark meta metadata nav object ol optgroup option p param phoneme
    picture pre prosody q rp rt ruby s samp say-as script section select small source span speak strike
    strong style sub summary sup svg table tbody td template textarea tfoot th thead time title token tr
    track tt u ul var video voice w wbr""".split(),
)
table(
    "MARKUP_PAUSES",
    {
        "li": "\n- ",
        **dict.fromkeys(("break", "br", "dt", "dd", "tr", "td", "th"), ", "),
        **dict.fromkeys(
            "p div h1 h2 h3 h4 h5 h6 hr table ul ol dl blockquote section header footer".split(), "\n\n"
        ),
    },
)

# --- Markdown and footnotes ---

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_NUMBERS_OF_NOTES = r"[1-9]\d{0,2}(?:\s?[,–-]\s?\d{1,3})*"
words(
    "POWERS_OF",
    """cm km mm nm dm ft yd mi in ha sec min hr sin cos tan cot log exp meter meters metre metres mile miles
    foot feet inch inches yard yards inv""".split(),
)
MARKUP: tuple[Rule, ...] = (
    rule(
        r"!?\[([^\[\]\n]{0,300})\]\([^\s()]*(?:\([^\s()]*\)[^\s()]*)?(?:\s[\"'][^\"'\n()]*[\"'])?\)",
        r"\1",
        "( [ ]",
    ),
    rule(r"\[(\d*[^\[\]\n\d][^\[\]\n]{1,300})\]\[\d*\]", r"\1", "[ ]"),
    rule(
        rf"(?<=[A-Za-z]{{2}})\[\s?{_NUMBERS_OF_NOTES}\s?\]"
        rf"|(?<=[.,;:!?)\]\"'”’])\[\s?{_NUMBERS_OF_NOTES}\s?\]",
        "",
        "[ ]",
    ),
    rule(
        r"(?i)\s?\[(?:\^[\w-]{1,20}|citation needed|clarification needed|who\?|when\?|note \d+|nb \d+"
        r"|edit)\]",
        "",
        "[ ]",
    ),
    rule(rf"([A-Za-z]+)[{_SUPERSCRIPTS}]+(?![\w⁻])", "raised()", _SUPERSCRIPTS),
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
    rule(r"(?:\[[A-Za-z]\])+(?=[^\W\d_])|(?<=[^\W\d_])(?:\[[a-z]{1,3}\])+", "without_brackets()", "[ ]"),
    rule(r"\[([A-Za-z])\]", r" \1 ", "[ ]"),
    rule(r"(?i)\s?\[sic\.?\]", "", "[ ]"),
    rule(
        r"\[((?:the|an?|of|in|to|and|his|her|its|their|our|my|is|are|was|were|who|that|this|these|those"
        r"|it|he"
        r"|she|they|we|i\.e\.|e\.g\.)\b[^\[\]\n]{1,200})\]",
        r"\1",
        "[ ]",
    ),
)

# --- Angles, tags of the voice, items ---

pattern("ANGLE", r"(\d+)°\s?(\d+)[′'](?:\s?(\d+(?:\.\d+)?)[″\"])?(?:\s?([NSEW])\b)?")
pattern("VOICE_TAG", r"\[ *[A-Za-z][A-Za-z ]*\]")
pattern("LIST_ITEM", r"[ \t]*(?:[-*+][ \t]+|(?=\(?(?:\d{1,3}|[a-z])[.)][ \t]))")
pattern("LONG_NUMBER", r"\d\d{23,}")  # is said digit by digit, and would cost the rules for numbers much
