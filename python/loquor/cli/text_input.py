"""The text to say: an argument, or stdin as it comes."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import os
import queue
import re
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import InvalidInputError, RequestCancelledError
from ..speech.long_text import check_long

__all__ = ["StdinText", "Text", "file_of_argument", "size_of", "text_of_argument", "warnings_about"]

_CHUNK = 65_536
_PATIENCE = 0.05  # seconds
_FILE_NAME = re.compile(r"\S+\.(txt|text|md|html?|epub|pdf|docx?|odt|rtf|srt)", re.IGNORECASE)
_SSML = re.compile(
    r"</?(speak|break|prosody|emphasis|say-as|phoneme|amazon:[a-z-]+|mstts:[a-z-]+)(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)


def text_of_argument(text: str) -> str:
    """Return the text if it can be one. Raises `InvalidInputError`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:  # Python keeps undecodable bytes of an argument as lone surrogates
        raise InvalidInputError(
            f"TEXT holds bytes that this locale cannot decode, at index {error.start}: give it in UTF-8"
        ) from error
    check_long(text)
    return text


def file_of_argument(text: str) -> Path | None:
    """The file that somebody means who gives its name as the text."""
    return Path(text) if _names_a_file(text) else None


def warnings_about(text: str) -> list[str]:
    """Return what is spoken otherwise than it was meant, most likely: a file that is not there, and SSML."""
    warnings = []
    if _FILE_NAME.fullmatch(text.strip()):
        warnings.append(f"there is no file {text.strip()}: its name is spoken")
    if found := list(dict.fromkeys(match[1].lower() for match in _SSML.finditer(text))):
        shown = ", ".join(f"<{tag}>" for tag in found[:3])
        warnings.append(f"the text holds SSML ({shown}), which these models do not follow: take the tags out")
    return warnings


def size_of(text: Text) -> int | None:
    """Return the bytes of a text, None where that is not known before its end."""
    return text.size if isinstance(text, StdinText) else len(text.encode())


def _names_a_file(text: str) -> bool:
    """Whether somebody means the content: such a file is there, and no sentence looks like its name."""
    try:
        return bool(re.search(r"[/\\]|\.\w+$", text)) and Path(text).is_file()
    except (OSError, ValueError):  # no name at all
        return False


class StdinText(Iterator[str]):
    """The text on stdin in chunks as they come, each read by a thread of its own: `stop` ends the waiting.

    `size` is that of the whole in bytes if stdin is a file. Iterating raises `InvalidInputError` for what is
    no UTF-8, or cannot be read, and `RequestCancelledError` once it was stopped. `tell` gets `warnings_about`
    it.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        if sys.stdin is None:
            raise InvalidInputError(
                "cannot read the text from stdin, which is closed: give it as an argument"
            )
        self._stream: Any = sys.stdin.buffer
        # Without Python's buffer, whose lock a reader that waits would still hold when the process ends.
        self._raw: Any = getattr(self._stream, "raw", self._stream)
        self._queue: queue.Queue[bytes | Exception | None] = queue.Queue(maxsize=1)
        self._stopped = False
        self._tell: Callable[[str], None] | None = tell
        self._chunks = self._decoded()
        threading.Thread(target=self._read, name="loquor-stdin", daemon=True).start()

    @property
    def size(self) -> int | None:
        try:
            status = os.fstat(sys.stdin.fileno())
        except (OSError, ValueError):  # no real file
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def __next__(self) -> str:
        chunk = next(self._chunks)
        if self._tell is not None and (warnings := warnings_about(chunk)):
            for warning in warnings:
                self._tell(warning)
            self._tell = None  # once is enough
        return chunk

    def begin(self) -> None:
        """Wait until there is something to say, and look at it. Raises as iterating does."""
        first = ""
        while not any(map(_is_visible, first)) and (chunk := next(self._chunks, None)) is not None:
            first = first[-3:] + chunk  # enough to tell where a paragraph ends
        check_long(first)
        self._chunks = itertools.chain((first,), self._chunks)

    def stop(self) -> None:
        """Let whoever waits for text get `RequestCancelledError`; any thread may call this."""
        self._stopped = True
        with contextlib.suppress(queue.Full):  # then nobody waits
            self._queue.put_nowait(None)

    def _read(self) -> None:
        read = self._raw.read1 if hasattr(self._raw, "read1") else self._raw.read
        try:
            data: bytes | None = None
            while data != b"":
                data = read(_CHUNK)
                if data is None:  # a stdin that does not block has nothing yet
                    time.sleep(_PATIENCE)
                else:
                    self._queue.put(data)
        except Exception as error:
            self._queue.put(error)

    def _decoded(self) -> Iterator[str]:
        decoder, before, begun = codecs.getincrementaldecoder("utf-8")(), 0, False
        while True:
            data = self._take()
            waiting = len(decoder.getstate()[0])
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                wrong, offset = error.object[error.start], before - waiting + error.start
                raise InvalidInputError(
                    f"the text on stdin is not UTF-8 (byte 0x{wrong:02x} at offset {offset}): "
                    "convert it first"
                ) from error
            if text:
                yield text if begun else text.removeprefix("\ufeff")
                begun = True
            if not data:
                return
            before += len(data)

    def _take(self) -> bytes:
        item = None if self._stopped else self._queue.get()
        if item is None or self._stopped:
            raise RequestCancelledError("stopped while the text was still coming")
        if isinstance(item, Exception):
            raise InvalidInputError(f"cannot read the text on stdin: {item}") from item
        return item


def _is_visible(character: str) -> bool:
    return character.isprintable() and not character.isspace()


Text: TypeAlias = "str | StdinText"
