"""EPUB files of three chapters, with a cover."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The &amp; Book</dc:title>
<dc:creator>Some Body</dc:creator><dc:language>en-GB</dc:language>
<meta name="cover" content="pic"/></metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="two" href="text/t%20wo.xhtml" media-type="application/xhtml+xml"/>
<item id="pic" href="cover.png" media-type="image/png"/></manifest>
<spine><itemref idref="nav" linear="no"/><itemref idref="one"/><itemref idref="two"/></spine></package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol><li><a href="text/one.xhtml">First</a></li>
<li><a href="text/one.xhtml#b">Second</a></li><li><a href="text/t%20wo.xhtml">Third</a></li></ol></nav>
<nav epub:type="page-list"><a href="text/one.xhtml#p">9</a></nav></body></html>"""
ONE = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html><head><title>No</title></head><body>
<h1>First</h1><p>It was&nbsp;late<a epub:type="noteref" href="#n"><sup>1</sup></a>, and
<em>nobody</em> was there.</p><section id="b"><h1>Second</h1><p>Somebody<br/>came.</p></section>
<script>alert("no")</script></body></html>"""
TWO = "<html><body><h2>Three</h2><ul><li>A house</li><li>A tree</li></ul></body></html>"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63f8ffff3f0005fe02fe"
    "a73581e40000000049454e44ae426082"
)
FILES = {
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": PACKAGE,
    "OEBPS/nav.xhtml": NAV,
    "OEBPS/text/one.xhtml": ONE,
    "OEBPS/text/t wo.xhtml": TWO,
    "OEBPS/cover.png": PNG,
}


def epub(path: Path, **changes: Any) -> Path:
    files = FILES | {name.replace("__", "/"): content for name, content in changes.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        for name, content in files.items():
            if content is not None:
                archive.writestr(name, content)
    return path
