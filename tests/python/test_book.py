"""Books: chapters from text and EPUB, speech that goes on where it stopped, files with chapters."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from epubs import CONTAINER, NAV, PACKAGE, PNG, epub
from loquor import Audio, Bookmark, Engine, InvalidInputError, Metrics
from loquor.book.chapters import Book, Chapter, chapters_of_text
from loquor.book.epub import read_epub
from loquor.book.lexicon import Lexicon, read_lexicon
from loquor.book.page import page_of
from loquor.book.segments import Segment, segments_of
from loquor.book.unfinished import Unfinished
from loquor.cli import main

# --- Chapters of text ---

NOVEL = """A Novel
by Somebody

Contents

Chapter 1

Chapter 2

CHAPTER 1: The House

It was late. He came to
Chapter 7 of his book, and slept.

Chapter II.

Nobody was there.

Epilogue

The end.
"""


def test_headings_begin_chapters_and_a_table_of_contents_does_not() -> None:
    chapters = chapters_of_text(NOVEL, "A Novel")
    assert [chapter.title for chapter in chapters] == [
        "A Novel",
        "CHAPTER 1: The House",
        "Chapter II",
        "Epilogue",
    ]
    assert "".join(chapter.text for chapter in chapters) == NOVEL
    assert chapters[1].text.startswith("CHAPTER 1: The House\n\nIt was late.")


def test_markdown_has_chapters_too() -> None:
    chapters = chapters_of_text("# One\n\nFirst.\n\n### Not one\n\nMore.\n\n## Two ##\n\nSecond.\n", "x")
    assert [chapter.title for chapter in chapters] == ["One", "Two"]


@given(st.text(alphabet="Chapter 12\n#. \u2028\r", max_size=200))
def test_no_text_is_lost(text: str) -> None:
    chapters = chapters_of_text(text, "x")
    kept = "".join(chapter.text for chapter in chapters)
    assert [c for c in kept if c.isalnum()] == [c for c in text if c.isalnum()] or not chapters


# --- EPUB ---


def test_an_epub_has_its_chapters_by_its_contents(tmp_path: Path) -> None:
    book = read_epub(epub(tmp_path / "x.epub"))
    assert (book.title, book.author, book.language, book.cover) == ("The & Book", "Some Body", "en", PNG)
    assert [chapter.title for chapter in book.chapters] == ["First", "Second", "Third"]
    texts = [" ".join(chapter.text.split()) for chapter in book.chapters]
    assert texts == [
        "First It was late, and nobody was there.",
        "Second Somebody came.",
        "Three A house A tree",
    ]
    assert "A house\n\nA tree" in book.chapters[2].text


def test_an_older_epub_has_an_ncx(tmp_path: Path) -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Alpha</text>'
        '</navLabel><content src="text/one.xhtml"/></navPoint></navMap></ncx>'
    )
    package = PACKAGE.replace(' properties="nav"', "").replace('href="nav.xhtml"', 'href="toc.ncx"')
    package = package.replace("<spine>", '<spine toc="nav">')
    files = {"OEBPS/book.opf": package, "OEBPS/toc.ncx": ncx, "OEBPS/nav.xhtml": None}
    book = read_epub(epub(tmp_path / "x.epub", **files))
    assert [chapter.title for chapter in book.chapters] == ["Alpha"]  # the others go on
    assert "A tree" in book.chapters[0].text


def test_without_contents_each_page_is_a_chapter(tmp_path: Path) -> None:
    package = PACKAGE.replace(' properties="nav"', "")
    book = read_epub(epub(tmp_path / "x.epub", **{"OEBPS/book.opf": package}))
    assert [chapter.title for chapter in book.chapters] == ["First", "Three"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"META-INF/container.xml": BOMB + CONTAINER}, "defines entities of its own"),
        (
            {"OEBPS/book.opf": PACKAGE.replace("<package", BOMB + "<package", 1)},
            "defines entities of its own",
        ),
        ({"OEBPS/nav.xhtml": BOMB + NAV}, "defines entities of its own"),
        ({"OEBPS/nav.xhtml": "<x>" * 300}, "nested too deep"),
        ({"OEBPS/text/one.xhtml": b" " * (17 << 20)}, "unpacks to more than a book takes"),
        ({"OEBPS/book.opf": None}, "it lacks 'OEBPS/book.opf'"),
        ({"META-INF/container.xml": "<container"}, "is no XML"),
        ({"OEBPS/text/one.xhtml": "", "OEBPS/text/t wo.xhtml": ""}, "there is no text in it"),
        (
            {"META-INF/encryption.xml": '<x><CipherReference URI="OEBPS/text/one.xhtml"/></x>'},
            "protected against copying",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_book_holds_is_refused(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        read_epub(epub(tmp_path / "x.epub", **changes))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_bytes_are_a_book_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("epub") / "x.epub"
    whole = epub(path).read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    path.write_bytes(
        whole[:at] + data.draw(st.binary(max_size=20)) + whole[at + data.draw(st.integers(0, 20)) :]
    )
    try:
        assert read_epub(path).chapters
    except InvalidInputError as error:
        assert "cannot read" in str(error)


@given(st.text(alphabet="<>/&;pbh1 idx=\"'-!", max_size=80))
def test_any_page_has_some_text(markup: str) -> None:
    page = page_of(markup)
    assert all(0 <= at <= len(page.text) for at in page.ids.values())


# --- Words and speakers ---


def test_a_lexicon_replaces_whole_words(tmp_path: Path) -> None:
    file = tmp_path / "words.tsv"
    file.write_text("# names\nhermione\ther my oh nee\nSQL\tsequel\nC++\tsee plus plus\n", encoding="utf-8")
    lexicon = read_lexicon(file)
    text = "Hermione likes SQL, not sql; MySQL and C++."
    said = "her my oh nee likes sequel, not sql; MySQL and see plus plus."
    assert lexicon.said(text) == said
    for size in range(1, 12):
        assert "".join(lexicon.all_said(text[at : at + size] for at in range(0, len(text), size))) == said
    assert Lexicon({}).said(text) == text


@pytest.mark.parametrize("line", ["word", "two words\tx", "\tx", "word\t "])
def test_what_is_no_line_of_a_lexicon(tmp_path: Path, line: str) -> None:
    file = tmp_path / "words.tsv"
    file.write_text(f"a\tb\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"line 2 of .* must be a word, a tab"):
        read_lexicon(file)


def test_speakers_speak_their_paragraphs() -> None:
    text = "It was late.\n\nAnna: Who is there?\nTell me!\n\nNote: nobody.\n\nBen: Me.\n\n***\n"
    book = Book("x", (Chapter("One", text), Chapter("Two", "Anna: Go!")))
    found = segments_of(book, ["Anna", "Ben"])
    assert [(each.chapter, each.speaker, each.text.strip()) for each in found] == [
        (0, "", "It was late."),
        (0, "Anna", "Who is there?\nTell me!"),
        (0, "", "Note: nobody."),
        (0, "Ben", "Me."),
        (1, "Anna", "Go!"),
    ]
    assert segments_of(book)[0] == Segment(0, "", text)


# --- Work that goes on ---


def sound(count: int) -> Audio:
    samples = np.linspace(-1, 1, count, dtype=np.float32)
    return Audio(samples, 24_000, Metrics(0, 0, 0, 0, 0, 0, 0, 0))


def work_on(folder: Path) -> bytes:
    """Whatever is left of three pieces in two segments; what is in the end."""
    with Unfinished(folder, "book", 24_000) as work:
        for segment in (0, 1):
            if work.ended(segment):
                continue
            begun = work.bookmark(segment) or Bookmark(0, 0, 0.0)
            for piece in range(begun.pieces, 3):
                work.add(segment, sound(100 * segment + piece + 1), Bookmark(piece + 1, 7, 0.5))
            work.end(segment, 0.01)
        assert work.start(1) == 6 + 240
        blocks = list(work.blocks(0, work.samples))
        assert sum(map(len, blocks)) == work.samples
    return (folder / "speech.pcm").read_bytes()


def test_wherever_it_was_cut_the_result_is_the_same(tmp_path: Path) -> None:
    expected = work_on(tmp_path / "whole")
    journal = (tmp_path / "whole" / "journal").read_bytes()
    for cut in range(0, len(journal), 7):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / "journal").write_bytes(journal[:cut])
        (folder / "speech.pcm").write_bytes(expected + b"more that was not in the journal")
        assert work_on(folder) == expected


def test_another_book_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    expected = work_on(tmp_path / "work")
    with pytest.raises(InvalidInputError, match="of another text, or with another voice"):
        Unfinished(tmp_path / "work", "another", 24_000)
    assert (tmp_path / "work" / "speech.pcm").read_bytes() == expected


def test_sound_that_is_missing_is_told(tmp_path: Path) -> None:
    work_on(tmp_path / "work")
    (tmp_path / "work" / "speech.pcm").write_bytes(b"")
    with pytest.raises(InvalidInputError, match="speech is missing"):
        Unfinished(tmp_path / "work", "book", 24_000)


def test_two_processes_do_not_work_on_one_book(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with Unfinished(tmp_path / "work", "book", 24_000) as work:
        work.add(0, sound(5), Bookmark(1, 5, 0.0))
        with pytest.raises(InvalidInputError, match="another process works on"):
            Unfinished(tmp_path / "work", "book", 24_000)


def test_nothing_spoken_leaves_nothing(tmp_path: Path) -> None:
    with Unfinished(tmp_path / "work", "book", 24_000):
        pass
    assert not (tmp_path / "work").exists()


# --- The command ---

STORY = (
    "Chapter 1\n\nIt was late. Nobody was there.\n\nChapter 2\n\nAnna: Who is it?\n\nHe went. She did not.\n"
)


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.txt").write_text(STORY, encoding="utf-8")
    return tmp_path


def say(*arguments: str) -> None:
    assert main(["say", *arguments]) == 0


def test_a_book_with_chapters_cover_and_loudness(story: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (story / "cover.png").write_bytes(PNG)
    told = ["--title", "A Story", "--author", "Me", "--cover", "cover.png", "--loudness", "-23"]
    say("story.txt", "-o", "story.m4b", "--speaker", "Anna=woman", "--voice", "man", *told)
    told_by = capsys.readouterr().err
    assert "2 chapters: story.m4b" in told_by
    assert "seed" not in told_by  # of which none was given
    assert sorted(path.name for path in story.iterdir()) == ["cover.png", "story.m4b", "story.txt"]
    with av.open("story.m4b") as container:
        tags = container.metadata
        assert (tags["title"], tags["artist"], tags["genre"]) == ("A Story", "Me", "Audiobook")
        assert "AI-generated speech" in tags["comment"]
        chapters = container.chapters()
        assert [chapter["metadata"]["title"] for chapter in chapters] == ["Chapter 1", "Chapter 2"]
        ends = [chapter["end"] * chapter["time_base"] for chapter in chapters]
        assert chapters[1]["start"] * chapters[1]["time_base"] == ends[0]
        assert float(ends[1]) == pytest.approx(container.duration / 1e6, abs=0.1)
        assert [stream.type for stream in container.streams if stream.type == "video"]
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    import pyloudnorm

    measured = pyloudnorm.Meter(24_000).integrated_loudness(np.concatenate(frames).astype(np.float64))
    assert measured == pytest.approx(-23, abs=0.5)


def test_a_folder_has_a_file_for_each_chapter(story: Path) -> None:
    epub(story / "book.epub")
    say("book.epub", "-o", "out/", "--chapter-format", "flac")
    names = ["01 First.flac", "02 Second.flac", "03 Third.flac", "cover.png"]
    assert sorted(path.name for path in (story / "out").iterdir()) == names
    with soundfile.SoundFile(story / "out" / "02 Second.flac") as file:
        assert (file.title, file.album, file.artist, file.tracknumber) == (
            "Second",
            "The & Book",
            "Some Body",
            "2",
        )


@pytest.mark.parametrize("title", ["\u4e66" * 200, "a/b\\c:d*", "..", "Caf\u00e9\ud800\0!", "x" * 3000])
def test_any_title_is_a_tag_and_a_file(story: Path, title: str) -> None:
    (story / "story.txt").write_text("It was late.", encoding="utf-8")
    say("story.txt", "-o", "out/", "--title", title)
    say("story.txt", "-o", "out.m4b", "--title", title)
    (file,) = (story / "out").iterdir()
    assert len(file.name.encode()) < 200
    with av.open("out.m4b") as container:
        assert container.metadata["title"]


@pytest.mark.parametrize("pieces", [1, 3])
def test_it_goes_on_at_the_sentence_and_gives_the_very_same_file(
    story: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pieces: int
) -> None:
    command = ("story.txt", "--speaker", "Anna=woman", "--voice", "man", "-o")
    say(*command, "whole.m4b")
    add, count = Unfinished.add, 0

    def interrupt(work: Unfinished, *arguments: Any) -> None:
        nonlocal count
        if count == pieces:
            raise KeyboardInterrupt
        count += 1
        add(work, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "add", interrupt)
        assert main(["say", *command, "story.m4b"]) == 130
    assert "the same command goes on there" in capsys.readouterr().err
    assert not (story / "story.m4b").exists()
    kept = (story / "story.m4b.unfinished" / "speech.pcm").read_bytes()
    assert main(["say", "story.txt", "--voice", "woman", "-o", "story.m4b"]) == 2  # another one
    assert (story / "story.m4b.unfinished" / "speech.pcm").read_bytes() == kept
    say(*command, "story.m4b")
    assert "going on behind the first" in capsys.readouterr().err
    assert (story / "story.m4b").read_bytes() == (story / "whole.m4b").read_bytes()
    assert not (story / "story.m4b.unfinished").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_process_that_was_killed_costs_a_sentence(story: Path) -> None:
    (story / "story.txt").write_text(STORY * 3, encoding="utf-8")
    command = [sys.executable, "-m", "loquor", "say", "story.txt", "-q", "-o"]
    subprocess.run([*command, "whole.m4b"], check=True)
    with subprocess.Popen([*command, "story.m4b"]) as process:
        journal = story / "story.m4b.unfinished" / "journal"
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if journal.exists() and journal.read_bytes().count(b"bookmark") >= 3:
                process.kill()
                break
            time.sleep(0.002)
    if process.returncode == 0:
        pytest.skip("it was done before it could be killed")
    kept = journal.read_bytes().count(b"bookmark")
    assert kept >= 3
    subprocess.run([*command, "story.m4b"], check=True)
    assert (story / "story.m4b").read_bytes() == (story / "whole.m4b").read_bytes()


def test_voices_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["voices"]) == 0
    assert capsys.readouterr().out.split() == ["emma", "george", "man", "woman"]
    assert main(["voices", "mini"]) == 0
    assert main(["voices", "nowhere/at-all", "--model", "mini"]) == 2


def test_a_file_is_read_and_not_spoken_as_a_name(story: Path) -> None:
    say("story.txt", "-o", "story.wav")
    (story / "words.tsv").write_text("nobody\tsomebody\n", encoding="utf-8")
    with Engine() as engine:
        expected = engine.speak_long(STORY).collect()
        other = engine.speak_long(STORY.replace("Nobody", "somebody")).collect()
    assert np.allclose(soundfile.read("story.wav")[0], expected.samples, atol=1e-4)
    say("story.txt", "-o", "story.wav", "--lexicon", "words.tsv")
    assert np.allclose(soundfile.read("story.wav")[0], other.samples, atol=1e-4)


def test_a_dry_run_shows_what_will_be_read(story: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (story / "story.txt").write_text("Chapter 1\n\nIt is 9:45.\n\nAnna: 3 %!\n", encoding="utf-8")
    say("story.txt", "--dry-run", "--speaker", "Anna=woman")
    assert capsys.readouterr().out.splitlines() == [
        "# Chapter 1",
        "Chapter one.",
        "It is nine forty-five.",
        "Anna: Three percent!",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-", "-o", "x.m4b"], "give its name"),
        (["story.txt"], "give -o FILE"),
        (["story.txt", "-o", "x.wav", "--loudness", "-18"], "are for books"),
        (["story.txt", "-o", "x.m4b", "--loudness", "3"], "--loudness must be from"),
        (["story.txt", "-o", "x.m4b", "--speaker", "Anna"], "--speaker takes NAME=VOICE"),
        (
            ["story.txt", "-o", "x.m4b", "--speaker", "Anna=none.wav"],
            "cannot read the voice of Anna none.wav",
        ),
        (["story.txt", "-o", "x.m4b", "--cover", "story.txt"], "is no JPEG or PNG"),
        (["story.txt", "-o", "x.m4b", "--stream"], "are not for books"),
        (["story.txt", "-o", "nowhere/x/"], "there is no folder"),
        (["story.txt", "-o", "x.m4b", "--lexicon", "none.tsv"], "cannot read the lexicon"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(
    story: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", *arguments]) == 2
    assert sentence in capsys.readouterr().err
