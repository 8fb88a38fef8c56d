"""The C reference, one page a header, made from the headers' own text.

Our headers are formatted by clang-format, and say what follows in plain comments, which a generator such as
Doxygen would not take; so they are read block by block here: a comment, then what it is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADERS = ROOT / "csrc" / "include" / "loquor"
NOTHING = "nothing"
"""What a function waits for that loquor.h's list does not name."""

_EXPORTED = re.compile(r"^LOQUOR_EXPORT\b")
_NAME = re.compile(r"\b(loquor_\w+|RegisterCustomOps)\(")
_SECTION = re.compile(r"^/\* -{4} (.+?) -{4} \*/$", re.DOTALL)
_TYPE = re.compile(r"^(?:typedef )?(?:struct|enum) (loquor_\w+)|\(\*(loquor_\w+)\)")
_LEFT_OUT = re.compile(r'^#|^extern "C"|^}$')


@dataclass
class Declaration:
    """C as it stands, without LOQUOR_EXPORT, the comment before it, and what it declares."""

    name: str
    code: str
    text: str = ""
    is_function: bool = False


@dataclass
class Section:
    """What stands between two lines of dashes."""

    title: str
    parts: list[Declaration | str] = field(default_factory=list)  # str: a comment on its own


@dataclass
class Header:
    """`intro` is the comment at the top."""

    name: str
    intro: str
    sections: list[Section]

    def functions(self) -> list[Declaration]:
        """All of them, in their order."""
        parts = (part for section in self.sections for part in section.parts)
        return [part for part in parts if isinstance(part, Declaration) and part.is_function]


@cache
def headers() -> tuple[Header, ...]:
    """loquor.h, then those that it brings in."""
    names = sorted(path.name for path in HEADERS.glob("*.h"))
    return tuple(_read(name) for name in sorted(names, key=lambda name: name != "loquor.h"))


def headers_by_name() -> dict[str, Header]:
    """The same by their names."""
    return {header.name: header for header in headers()}


@cache
def waits() -> dict[str, str]:
    """What each function waits for that waits for anything, by the list in loquor.h's conventions."""
    listed = re.search(r"What a call waits for.*", headers()[0].intro + "\n", re.DOTALL)
    assert listed is not None, "loquor.h has no list of what a call waits for"
    found: dict[str, str] = {}
    about = ""
    for item in re.split(r"[;.]\n", listed[0][listed[0].index("\n     ") :]):
        text = " ".join(item.split())
        if ": " in text:
            about, text = text.split(": ", 1)
            said = about
        else:  # "where it was the last also ...", of what the item before waits for
            said = f"{text[: text.find('loquor_')].replace(' also', '').strip()}: {about}"
        for name in re.findall(r"loquor_\w+", text):
            found[name] = f"{found[name]}; {said}" if name in found else said
    return found


def pages() -> dict[str, str]:
    """Markdown by the page's name under docs/c/."""
    made = {f"{header.name}.md": _page(header) for header in headers()}
    rows = [
        f"| [`{each.name}`]({header.name}.md#{each.name.lower()}) | {waits().get(each.name, NOTHING)} |"
        for header in headers()
        for each in header.functions()
    ]
    made["index.md"] = "\n".join(
        [
            "# C\n",
            "Made from the headers, which a wheel brings along. "
            "[Embedding](../embedding.md) says how to build with them.\n",
            _markdown(headers()[0].intro),
            "## Every function, and what it waits for\n",
            "| function | waits for |\n| --- | --- |",
            *rows,
            "",
        ]
    )
    return made


def _read(name: str) -> Header:
    lines = (HEADERS / name).read_text(encoding="utf-8").splitlines()
    intro, at = _comment(lines, 0)
    header = Header(name, intro, [Section("")])
    pending = ""
    while at < len(lines):
        line = lines[at]
        if line.startswith("/*"):
            text, at = _comment(lines, at)
            section = _SECTION.match("\n".join(["/* " + text + " */"]).replace("\n", " "))
            if section is not None:
                header.sections.append(Section(section[1].strip()))
                continue
            if pending:
                header.sections[-1].parts.append(pending)
            pending = text
        elif line.startswith("#define LOQUOR_") and len(line.split()) == 3 and "EXPORT" not in line:
            header.sections[-1].parts.append(Declaration(line.split()[1], line, pending))
            pending, at = "", at + 1
        elif not line.strip() or _LEFT_OUT.match(line):
            if pending and not line.strip():
                header.sections[-1].parts.append(pending)
                pending = ""
            at += 1
        else:
            declaration, at = _declaration(lines, at)
            declaration.text = pending
            pending = ""
            header.sections[-1].parts.append(declaration)
    return header


def _comment(lines: list[str], at: int) -> tuple[str, int]:
    """The text of the comment that begins at a line, its indentation kept, and where the code goes on."""
    text = []
    while True:
        line = lines[at]
        at += 1
        text.append(re.sub(r"^(/\*| \*(?!/))? ?|\s*\*/.*$", "", line))
        if "*/" in line:
            return "\n".join(text).strip(), at


def _declaration(lines: list[str], at: int) -> tuple[Declaration, int]:
    """From a line to the semicolon outside of braces and comments, and the rest of a comment behind it."""
    taken: list[str] = []
    depth = 0
    while True:
        line = lines[at]
        at += 1
        taken.append(line)
        code = re.sub(r"/\*.*?(\*/|$)", "", line)
        depth += code.count("{") - code.count("}")
        if depth == 0 and code.rstrip().endswith(";"):
            break
    while taken[-1].count("/*") > taken[-1].count("*/"):
        taken.append(lines[at])
        at += 1
        if "*/" in taken[-1]:
            break
    exported = _EXPORTED.match(taken[0]) is not None
    code = re.sub(r"^ *\/\* scripts/options: .*\*/\n", "", "\n".join(taken), flags=re.MULTILINE)
    found = _NAME.search(code) if exported else _TYPE.search(code)
    name = next(group for group in found.groups() if group) if found is not None else taken[0]
    if exported:
        code = re.sub(r"\n {4,}", "\n    ", code.replace("LOQUOR_EXPORT ", ""))
    return Declaration(name, code, "", exported), at


def _page(header: Header) -> str:
    parts = [f"# {header.name}\n"]
    if header.name == "loquor.h":
        parts.append("Conventions are on the [first page](index.md).\n")
    else:
        parts.append(_markdown(header.intro))
    for section in header.sections:
        if section.title:
            parts.append(f"## {section.title[0].upper()}{section.title[1:]}\n")
        for part in section.parts:
            if isinstance(part, str):
                parts.append(_markdown(part))
                continue
            parts.append(f"### `{part.name}` {{#{part.name.lower()}}}\n\n```c\n{part.code}\n```\n")
            if part.text:
                parts.append(_markdown(part.text))
            if part.is_function:
                parts.append(f"*Waits for: {waits().get(part.name, NOTHING)}.*\n")
    return "\n".join(parts)


def _markdown(text: str) -> str:
    """A comment's words: lists and examples stay what they are, names are code."""
    made: list[str] = []
    example = False
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            made.append("")
            example = False
        elif indent >= 2 and (example or (not line.lstrip().startswith("- ") and made[-1:] in ([], [""]))):
            example = True
            made.append("    " + line[2:])
        elif line.lstrip().startswith("- "):
            made += ["", "- " + _words(line.lstrip()[2:])]
        elif indent >= 7:  # goes on with an item of a list in a list
            made.append("      " + _words(line.strip()))
        elif indent == 5:
            made += ["    - " + _words(line.strip())]
        elif indent > 0:
            made.append("  " + _words(line.strip()))
        elif line == "Conventions":
            made += ["## Conventions", ""]
        else:
            made.append(_words(line))
    return "\n".join(made) + "\n"


def _words(line: str) -> str:
    line = re.sub(r"([*<>\[\]])", r"\\\1", line)
    return re.sub(r"(?<![\w/])((?:loquor|LOQUOR|ORT)_\w+(?:\.\w+)?)", r"`\1`", line)
