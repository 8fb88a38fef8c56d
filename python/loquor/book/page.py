"""The text of a page of XHTML or HTML, by Python's own parser, which knows no entities but HTML's."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["Page", "page_of"]

_BLOCKS = frozenset(
    """address article aside blockquote body caption center dd div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hr li main ol p pre section table tr ul""".split()  # noqa: SIM905
)
_UNSPOKEN = frozenset("head math nav rp rt script style svg template".split())  # noqa: SIM905
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
_HEADINGS = ("h1", "h2", "h3")
_SPACE = re.compile(r"\s+")


class Page(HTMLParser):
    """Paragraphs with an empty line between them, and where what has an id begins."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.heading = ""
        """The first one's text."""
        self.ids: dict[str, int] = {}
        """Where each begins in `text`, in characters."""
        self._parts: list[str] = []
        self._length = 0
        self._unspoken: list[str] = []  # elements that are open, the first of which is not spoken
        self._title: list[str] | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if self._unspoken:
            if tag not in _VOID:
                self._unspoken.append(tag)
            return
        if tag in _BLOCKS:
            self._end_with("\n\n")
        if tag == "br":
            self._put("\n")
        if tag in ("td", "th"):
            self._put(" ")
        for name in (told.get("id"), told.get("name") if tag == "a" else None):
            if name:
                self.ids.setdefault(name, self._length)
        if tag in _UNSPOKEN or "noteref" in (told.get("epub:type") or ""):  # a note's number
            self._unspoken = [tag]
        elif tag in _HEADINGS and not self.heading:
            self._title = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._unspoken:
            if tag in self._unspoken:
                while self._unspoken.pop() != tag:
                    pass
            return
        if tag in _BLOCKS:
            self._end_with("\n\n")
        if tag in _HEADINGS and self._title is not None:
            self.heading, self._title = _SPACE.sub(" ", "".join(self._title)).strip(), None

    def handle_data(self, data: str) -> None:
        if self._unspoken:
            return
        data = _SPACE.sub(" ", data)
        if not self._parts or self._parts[-1].endswith(("\n", " ")):
            data = data.lstrip(" ")
        self._put(data)
        if self._title is not None:
            self._title.append(data)

    def _put(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)

    def _end_with(self, end: str) -> None:
        if self._parts and not self._parts[-1].endswith(end):
            self._put(end)


def page_of(markup: str) -> Page:
    """Read one."""
    page = Page()
    page.feed(markup)
    page.close()
    return page
