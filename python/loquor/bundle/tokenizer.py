"""A bundle's own tokenizer, checked against what its embed_tokens graph needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..base.files import read_bounded
from ..errors import InvalidInputError, ModelError
from ..text.characters import END_OF_TEXT, TAG

if TYPE_CHECKING:
    import numpy.typing as npt
    from tokenizers import Tokenizer as _Backend

__all__ = ["END_OF_TEXT_ID", "TURBO_TAGS", "Tokenizer"]

END_OF_TEXT_ID = 50256
_MOST_BYTES = 16 << 20  # of a tokenizer.json; Turbo's has 4 MB

TURBO_TAGS = (
    "[angry]", "[fear]", "[surprised]", "[whispering]", "[advertisement]", "[dramatic]", "[narration]",
    "[crying]", "[happy]", "[sarcastic]", "[clear throat]", "[sigh]", "[shush]", "[cough]", "[groan]",
    "[sniff]", "[gasp]", "[chuckle]", "[laugh]",
)  # fmt: skip
"""Manners and sounds that Chatterbox Turbo and Nano were trained on, one token each."""


class Tokenizer:
    """Text to prompt ids by the `tokenizer.json` of the bundle in folder `bundle_dir` (Turbo or Nano).

    The embed_tokens graph looks the last two ids of a prompt up in its speech table, where end-of-text stands
    for the start of speech. So the file's post-processor must append exactly two of them, and every tag must
    be one token. Raises `ModelError` if the file is missing, damaged, or does not do so.
    """

    def __init__(self, bundle_dir: str | Path) -> None:
        self._path = Path(bundle_dir) / "tokenizer.json"
        self._backend = _load(self._path)
        self._check_template()
        self._check_tags()
        added = self._backend.get_added_tokens_decoder()
        names = (added[token_id].content for token_id in sorted(added) if added[token_id].special)
        self._tags = tuple(name for name in names if name.startswith("[") and name.endswith("]"))

    @property
    def tags(self) -> tuple[str, ...]:
        """The bracketed tokens this bundle knows, such as `[sigh]`, in order of their ids."""
        return self._tags

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """Return the ids of `text`, int64 [n], with the two closing end-of-text ids.

        Raises `InvalidInputError` if `text` is not valid Unicode text or holds `<|endoftext|>`.
        """
        return np.array(self._ids(text, closed=True), dtype=np.int64)

    def unknown_tags(self, text: str) -> tuple[str, ...]:
        """Return what looks like a tag in `text` but is none here, each once: it will be read aloud.

        Case counts, as it does for the model: `[Sigh]` is not `[sigh]`.
        """
        found = dict.fromkeys(TAG.findall(text))
        return tuple(tag for tag in found if tag not in self._tags)

    def warnings(self, text: str) -> list[str]:
        """Return a sentence for each of the `unknown_tags`."""
        unknown, known = self.unknown_tags(text), ", ".join(self._tags)
        return [f"{tag} is no tag of this model and is read as text (it knows {known})" for tag in unknown]

    def _ids(self, text: str, *, closed: bool) -> list[int]:
        if isinstance(text, str) and END_OF_TEXT in text:
            raise InvalidInputError(f"text holds {END_OF_TEXT}, which marks the end of a prompt: remove it")
        try:
            return self._backend.encode(text, add_special_tokens=closed).ids
        except TypeError as error:  # also how lone surrogates are reported
            raise InvalidInputError(f"text is not valid Unicode, decode it again: {text!r:.80}") from error

    def _check_template(self) -> None:
        probe = "Hello."
        expected = [*self._ids(probe, closed=False), END_OF_TEXT_ID, END_OF_TEXT_ID]
        found = self._ids(probe, closed=True)
        if found != expected:
            raise ModelError(
                f"{self._path}: its post-processor must append exactly two {END_OF_TEXT} ({END_OF_TEXT_ID}): "
                f"expected {expected} for {probe!r}, found {found}; fetch the bundle again"
            )

    def _check_tags(self) -> None:
        for tag in TURBO_TAGS:
            found = self._ids(tag, closed=False)
            if len(found) != 1:
                raise ModelError(
                    f"{self._path}: expected one token for the tag {tag}, found {len(found)} ({found}); "
                    "fetch the bundle again"
                )


def _load(path: Path) -> _Backend:
    from tokenizers import Tokenizer as Backend

    if not path.is_file():
        raise ModelError(f"no file {path}: the bundle is incomplete, fetch it again")
    try:
        backend = Backend.from_buffer(read_bounded(path, _MOST_BYTES))
    except MemoryError:
        raise
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"{path} is not a readable tokenizer ({error}): fetch the bundle again") from error
    # Settings left in the file by training would cut or fill prompts in silence.
    backend.no_truncation()
    backend.no_padding()
    return backend
