"""A bundle's own tokenizer, checked against what its embed_tokens graph needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.files import read_bounded
from ..errors import InvalidInputError, ModelError
from ..text.characters import END_OF_TEXT, TAG

if TYPE_CHECKING:
    import numpy.typing as npt
    from tokenizers import Tokenizer as _Backend

__all__ = ["Tokenizer"]

_SPACE = "[SPACE]"
_BRACKETED = re.compile(r"\[.+\]")
_SOUNDS = frozenset(
    {
        *("[UH]", "[UM]", "[giggle]", "[laughter]", "[guffaw]", "[inhale]", "[exhale]", "[sigh]", "[cry]"),
        *("[bark]", "[howl]", "[meow]", "[singing]", "[music]", "[whistle]", "[humming]", "[gasp]"),
        *("[groan]", "[whisper]", "[mumble]", "[sniff]", "[sneeze]", "[cough]", "[snore]", "[chew]"),
        *("[sip]", "[clear_throat]", "[kiss]", "[shhh]", "[gibberish]"),
    }
)
"""What English's vocabulary names beside letters and control tokens."""

_ADDED = re.compile(r'"added_tokens"\s*:\s*(?=\[)')
_MOST_BYTES = 16 << 20  # of a tokenizer.json; real ones have up to 4 MB


class Tokenizer:
    """Text to prompt ids by the `tokenizer.json` of the bundle in folder `bundle_dir`.

    `facts` are those that `_core.read_bundle` gives. The file's post-processor must write the ids that open
    and close a prompt, which the embed_tokens graph counts on, and every tag of the family must be one token.
    Where the graph counts positions itself (English, Multilingual), it also tells text from speech by these
    ids: what is a control token there is taken out of a user's text, all but the names of sounds. Raises
    `ModelError` if the file is missing, damaged, or does not do so.
    """

    def __init__(self, bundle_dir: str | Path, facts: Mapping[str, Any]) -> None:
        self._opening, self._closing = list(facts["prompt_opening"]), list(facts["prompt_closing"])
        self._path = Path(bundle_dir) / "tokenizer.json"
        self._backend, declared = _load(self._path)
        self._space: str | None = None
        self._check_template()
        self._check_tags(facts["family"]["tags"])
        self._check_ids(declared)
        added = self._backend.get_added_tokens_decoder()
        names = (added[token_id].content for token_id in sorted(added) if added[token_id].special)
        self._tags = tuple(name for name in names if name.startswith("[") and name.endswith("]"))
        self._control: re.Pattern[str] | None = None
        if facts["family"]["positions"] == "embed_tokens":
            named = [token.content for token in added.values() if _BRACKETED.fullmatch(token.content)]
            control = sorted(set(named) - _SOUNDS, key=len, reverse=True)
            self._control = re.compile("|".join(map(re.escape, control)) or r"(?!)")
            self._tags = tuple(tag for tag in self._tags if tag in _SOUNDS)
            self._space = self._space_token()

    @property
    def tags(self) -> tuple[str, ...]:
        """The bracketed tokens this bundle knows, such as `[sigh]`, in order of their ids."""
        return self._tags

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """Return the ids of `text`, int64 [n], with those that open and close a prompt.

        The text went through `without_control`: what is a control token in it counts as one.
        Raises `InvalidInputError` if `text` is not valid Unicode text or holds `<|endoftext|>`.
        """
        return np.array(self._ids(text, closed=True), dtype=np.int64)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The characters of `text`, begin and end, that each id of `encode(text)` stands for.

        Empty for the ids that open and close a prompt.
        """
        if self._space is None or " " not in text:
            offsets: list[tuple[int, int]] = self._backend.encode(text).offsets
            return offsets
        places: list[int] = []  # in the text, of each character as it is given to the backend
        for place, character in enumerate(text):
            places += [place] * (len(self._space) if character == " " else 1)
        places.append(len(text))
        written = text.replace(" ", self._space)
        return [
            (places[begin], places[end - 1] + 1 if end > begin else places[begin])
            for begin, end in self._backend.encode(written).offsets
        ]

    def without_control(self, text: str) -> tuple[str, tuple[str, ...]]:
        """Return a user's `text` with control tokens read as words, and those, each once.

        `[STOP]` in the text would end it, and what follows would be taken for speech.
        """
        if self._control is None:
            return text, ()
        found = dict.fromkeys(self._control.findall(text))
        while self._control.search(text):  # taking one out may leave another
            text = self._control.sub(lambda token: token[0][1:-1], text)
        return text, tuple(found)

    def unknown_tags(self, text: str) -> tuple[str, ...]:
        """Return what looks like a tag in `text` but is none here, each once: it will be read aloud.

        Case counts, as it does for the model: `[Sigh]` is not `[sigh]`.
        """
        found = dict.fromkeys(TAG.findall(text))
        return tuple(tag for tag in found if tag not in self._tags)

    def warnings(self, text: str) -> list[str]:
        """Return a sentence for each of the `unknown_tags`."""
        unknown, known = self.unknown_tags(text), ", ".join(self._tags) or "none"
        return [f"{tag} is no tag of this model and is read as text (it knows {known})" for tag in unknown]

    def _ids(self, text: str, *, closed: bool) -> list[int]:
        if isinstance(text, str) and END_OF_TEXT in text:
            raise InvalidInputError(f"text holds {END_OF_TEXT}, which marks the end of a prompt: remove it")
        if self._space is not None and isinstance(text, str):
            text = text.replace(" ", self._space)
        try:
            return self._backend.encode(text, add_special_tokens=closed).ids
        except TypeError as error:  # also how lone surrogates are reported
            raise InvalidInputError(f"text is not valid Unicode, decode it again: {text!r:.80}") from error

    def _space_token(self) -> str | None:
        """The token that spaces are to be written as, where the file does not do so itself."""
        wanted = self._backend.token_to_id(_SPACE)
        written = self._backend.encode("a b", add_special_tokens=False).ids
        return None if wanted is None or wanted in written else _SPACE

    def _check_template(self) -> None:
        probe = "Hello."
        expected = [*self._opening, *self._ids(probe, closed=False), *self._closing]
        found = self._ids(probe, closed=True)
        # Some exports' tables want one end-of-text id instead of two: the core tells by running them.
        one = self._closing[:1] * 2 == self._closing and found == expected[:-1]
        if found != expected and not one:
            raise ModelError(
                f"{self._path}: its post-processor must open a prompt with {self._opening} and close it with "
                f"{self._closing}: expected {expected} for {probe!r}, found {found}; fetch the bundle again"
            )

    def _check_tags(self, tags: tuple[str, ...]) -> None:
        for tag in tags:
            found = self._ids(tag, closed=False)
            if len(found) != 1:
                raise ModelError(
                    f"{self._path}: expected one token for the tag {tag}, found {len(found)} ({found}); "
                    "fetch the bundle again"
                )

    def _check_ids(self, declared: Mapping[str, int]) -> None:
        # tokenizers 0.23 numbers added tokens itself, in silence, whatever the file says.
        for token, token_id in declared.items():
            found = self._backend.token_to_id(token)
            if found != token_id:
                raise ModelError(
                    f"{self._path}: the token {token} has the id {token_id} where {found} is expected, since "
                    "added tokens are numbered behind the vocabulary: fetch the bundle again, or export it so"
                )


def _load(path: Path) -> tuple[_Backend, dict[str, int]]:
    """The tokenizer, and the ids of added tokens that its file tells."""
    from tokenizers import Tokenizer as Backend

    if not path.is_file():
        raise ModelError(f"no file {path}: the bundle is incomplete, fetch it again")
    try:
        data = read_bounded(path, _MOST_BYTES)
        backend = Backend.from_buffer(data)
    except MemoryError:
        raise
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"{path} is not a readable tokenizer ({error}): fetch the bundle again") from error
    # Settings left in the file by training would cut or fill prompts in silence.
    backend.no_truncation()
    backend.no_padding()
    text = data.decode()
    found = _ADDED.search(text)
    added = json.JSONDecoder().raw_decode(text, found.end())[0] if found else []
    return backend, {token["content"]: token["id"] for token in added}
