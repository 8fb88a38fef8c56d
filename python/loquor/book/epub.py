"""EPUB 2 and 3: a ZIP of pages, their order, and a table of contents. Nothing is unpacked to the disk.

What a file may hold is bounded, and an entity that a document defines for itself is refused.
"""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ..errors import InvalidInputError
from ..speech.long_text import speakable
from .chapters import Book, Chapter
from .page import Page, page_of

__all__ = ["read_epub"]

_MOST_MEMBER, _MOST_TOGETHER, _MOST_MEMBERS = 16 << 20, 256 << 20, 20_000
_MOST_DEPTH = 200
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError),
    struct.error,
)
_ENCODING = re.compile(rb"<\?xml[^>]*encoding=[\"']([A-Za-z0-9._-]+)")


def read_epub(path: Path) -> Book:
    """Read a book. Raises `InvalidInputError` for what is none, is protected, or has no text."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _Epub(path, archive).book()
    except InvalidInputError:
        raise
    except _DAMAGED as error:
        raise InvalidInputError(f"cannot read {path} as an EPUB ({error}): is it one?") from error


class _Epub:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path, self._archive = path, archive
        infos = archive.infolist()
        if len(infos) > _MOST_MEMBERS:
            raise self._wrong(f"it has {len(infos):,} files, more than {_MOST_MEMBERS:,}")
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            raise self._wrong("it is packed as no EPUB may be")
        self._members = {info.filename: info for info in infos}
        self._read_bytes = 0

    def _wrong(self, why: str) -> InvalidInputError:
        return InvalidInputError(f"cannot read {self._path} as an EPUB: {why}")

    def book(self) -> Book:
        container = self._xml("META-INF/container.xml")
        package_at = next((each.get("full-path", "") for each in _all(container, "rootfile")), "")
        package = self._xml(package_at)
        self._folder = posixpath.dirname(package_at)
        manifest = {each.get("id", ""): each for each in _all(package, "item")}
        spine = [
            self._at(manifest[ref].get("href", ""))
            for each in _all(package, "itemref")
            if (ref := each.get("idref", "")) in manifest and each.get("linear") != "no"
        ]
        protected = self._protected()
        if any(page in protected for page in spine):
            raise self._wrong("it is protected against copying (DRM), so its text cannot be read")
        titles = self._contents(package, manifest)
        chapters = _chapters(self._pages(spine), titles)
        title = _first(package, "title") or self._path.stem
        if not chapters:
            raise self._wrong("there is no text in it")
        return Book(
            title,
            tuple(Chapter(each.title or title, each.text) for each in chapters),
            _first(package, "creator"),
            _first(package, "language").partition("-")[0].lower(),
            self._cover(package, manifest),
        )

    # --- Its parts ---

    def _pages(self, spine: list[str]) -> Iterator[tuple[str, Page]]:
        for name in spine:
            if name in self._members:
                yield name, page_of(self._text(name))

    def _contents(self, package: Element, manifest: dict[str, Element]) -> dict[str, list[tuple[str, str]]]:
        """Of each page, the ids at which a chapter begins ("" is its start) and the chapter's title."""
        found: dict[str, list[tuple[str, str]]] = {}
        navs = [each for each in manifest.values() if "nav" in each.get("properties", "").split()]
        toc = next((each.get("toc", "") for each in _all(package, "spine")), "")
        ncx = [manifest[toc]] if toc in manifest else []
        for each in [*navs, *ncx]:
            name = self._at(each.get("href", ""))
            if name not in self._members or found:
                continue
            links = _nav_links(self._xml(name)) if each in navs else _ncx_links(self._xml(name))
            for href, title in links:
                page, _, fragment = href.partition("#")
                at = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(page)))
                found.setdefault(at, []).append((unquote(fragment), " ".join(title.split())))
        return found

    def _cover(self, package: Element, manifest: dict[str, Element]) -> bytes:
        told = [each for each in manifest.values() if "cover-image" in each.get("properties", "").split()]
        for meta in _all(package, "meta"):
            if meta.get("name") == "cover" and meta.get("content", "") in manifest:
                told.append(manifest[meta.get("content", "")])
        for each in told:
            name = self._at(each.get("href", ""))
            if name in self._members and each.get("media-type") in ("image/jpeg", "image/png"):
                return self._bytes(name)
        return b""

    def _protected(self) -> set[str]:
        if "META-INF/encryption.xml" not in self._members:
            return set()
        uris = (each.get("URI", "") for each in _all(self._xml("META-INF/encryption.xml"), "CipherReference"))
        return {posixpath.normpath(unquote(uri)) for uri in uris}

    def _at(self, href: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, unquote(href.partition("#")[0])))

    # --- Bytes ---

    def _bytes(self, name: str) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise self._wrong(f"it lacks {name!r:.80}")
        with self._archive.open(info) as file:
            content = file.read(_MOST_MEMBER + 1)
        self._read_bytes += len(content)
        if len(content) > _MOST_MEMBER or self._read_bytes > _MOST_TOGETHER:
            raise self._wrong(f"{name!r:.80} unpacks to more than a book takes")
        return content

    def _text(self, name: str) -> str:
        content = self._bytes(name)
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16", errors="replace")
        told = _ENCODING.match(content[:200])
        try:
            return content.decode(told[1].decode() if told else "utf-8-sig", errors="replace")
        except LookupError:
            return content.decode("utf-8-sig", errors="replace")

    def _xml(self, name: str) -> Element:
        """A document's root; names are without their namespaces."""
        builder, depth = TreeBuilder(), 0

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > _MOST_DEPTH:
                raise self._wrong(f"{name!r:.80} is nested too deep")
            builder.start(_local(tag), {_local(key): value for key, value in attributes.items()})

        def end(tag: str) -> None:
            nonlocal depth
            depth -= 1
            builder.end(_local(tag))

        def entity(*_: object) -> None:
            raise self._wrong(f"{name!r:.80} defines entities of its own, which may stand for any amount")

        parser = expat.ParserCreate(namespace_separator="}")
        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler, parser.EntityDeclHandler = builder.data, entity
        try:
            parser.Parse(self._bytes(name), True)
            return builder.close()
        except (expat.ExpatError, AssertionError) as error:
            raise self._wrong(f"{name!r:.80} is no XML ({error})") from error


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _all(root: Element, tag: str) -> Iterator[Element]:
    return root.iter(tag)


def _first(root: Element, tag: str) -> str:
    return next((" ".join("".join(each.itertext()).split()) for each in root.iter(tag)), "")


def _nav_links(root: Element) -> Iterator[tuple[str, str]]:
    for nav in root.iter("nav"):
        if nav.get("type", "toc") == "toc":
            yield from ((each.get("href", ""), "".join(each.itertext())) for each in nav.iter("a"))


def _ncx_links(root: Element) -> Iterator[tuple[str, str]]:
    for point in root.iter("navPoint"):
        label, content = point.find("navLabel"), point.find("content")
        if label is not None and content is not None:
            yield content.get("src", ""), "".join(label.itertext())


def _chapters(pages: Iterator[tuple[str, Page]], titles: dict[str, list[tuple[str, str]]]) -> list[Chapter]:
    """What the contents name begins a chapter; what they do not goes on with the one before.

    Where they name nothing, each page is a chapter.
    """
    found: list[Chapter] = []
    for name, page in pages:
        text = page.text
        places = sorted(
            {
                page.ids.get(fragment, 0) if fragment else 0: title
                for fragment, title in reversed(titles.get(name, []))
            }.items()
        )
        if not titles:
            places = [(0, page.heading)]
        starts = [(0, "")] * (not places or places[0][0] > 0) + places
        for index, (start, title) in enumerate(starts):
            part = text[start : starts[index + 1][0] if index + 1 < len(starts) else len(text)]
            if not speakable(part):
                continue
            goes_on = bool(titles) and not title and bool(found)
            if goes_on:
                found[-1] = Chapter(found[-1].title, f"{found[-1].text}\n\n{part}")
            else:
                found.append(Chapter(title or page.heading, part))
    return found
