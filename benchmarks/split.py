"""What does it cost to find the pieces of a long text?

    python benchmarks/split.py [--rounds 5] [--json FILE]

Rows are kinds of text, prose and the worst that is known, short and long, for models that read text as it is
and for those that get it in words: time a 100 characters should not grow with the length. Timed: `Splitter`
with the model's measure, and what writes the pieces out for the tokenizer, processor time. Left out: the
tokenizer and the model.
"""

from __future__ import annotations

import random
import sys
import time
from itertools import chain

from harness import main_of_text

from loquor.bench import Row, row_of
from loquor.bundle.text_rules import NORMALIZERS, measure_of, prepare_text
from loquor.sentences.pieces import Splitter, windows

PROSE = (
    "When Mr. Price came down from the hill, it was nearly dark, and the rain had begun again; nobody in\n"
    "the village had seen him since the morning. \"Well,\" he said, 'that's that.' They didn't answer.\n\n"
)
KINDS = {
    "prose": PROSE,
    "one, one,": "one, ",
    "index": "Abel, John, 12, 14-17, 203; Adams, Mary (1801-1877), 5n, 88, ch. 4; A.B.C., vol. 3, 19, 21.\n",
    "numbers": "12 345 ",
    "list": "- a hat\n- two coats\n",
    "short lines": "a\n",
    "references": "vol. 3, p. 12, ",
    "digit a line": "1\n",
    "money a line": "€5\n",
    "editions a line": "2nd ed.\n",
    "wide spaces": "a   b ",
    "fractions": "½ ",
    "more fractions": "1/2 ",
    "Nos.": "No. 3 ",
    "degrees": "5°C ",
    "cents": "5¢ ",
    "powers of ten": "1e-5 ",
    "dates": "5/6/2019, ",
    "times": "7:30 p.m. ",
    "money": "$3.50, ",
    "units": "5 km/h ",
    "inequalities": "1<1 ",
    "editions": "ed. ",
    "initials": "J. R. ",
    "stops on lines": "a.\n. ",
    "Mr. Mr.": "Mr. ",
    "a. b.": "a. b. ",
    "dots": ". ",
    "open quotes": 'He said "x. ',
    "short sentences": "No! ",
    "no spaces": "aB3-",
    "stops and money": "set. 23€2. ",
    "stops on short lines": "t13; 5s.\nexam.",
    "brackets on lines": "Hi, (199\n3Gen.)",
    "times and numerals a line": "7:30\nII\n[\n",
    "ranges a line": "3\u20134\n",
    "decades a line": "80s\n1-2\n",
    "years and times a line": "'90s\n.\n10:00\n",
    "numerals and fractions a line": "XII\n2\n3/4\n",
    "fractions and times a line": "½\n10:00\n#\n",
    "many kinds a line": "+3\n5°C\n5/6\n€3\n",
    "fractions and inches": '½\n6"\n23 ',
    "colours": "\x1b[32mok\x1b[0m it is.\n",
}
LENGTHS = (1600, 25600)


def text_of(unit: str, length: int) -> str:
    """The unit over and over, with other digits and now and then a word, so that nothing is remembered."""
    chance = random.Random(1)
    parts: list[str] = []
    for place in range(length // len(unit) + 1):
        changed = [chance.choice("123456789") if sign.isascii() and sign.isdigit() else sign for sign in unit]
        word = (
            "".join(chance.choices("abcdefghijklmnop", k=4)) + " "
            if place * len(unit) % 64 < len(unit)
            else ""
        )
        parts.append(word + "".join(changed))
    return "".join(parts)[:length]


def seconds_for(text: str, normalizer: str) -> float:
    measure = measure_of(normalizer)
    began = time.process_time()
    splitter = Splitter(200, join_below=40, language="en", measure=measure)
    pieces = (piece for chunk in windows(text) for piece in splitter.add(chunk))
    for piece in chain(pieces, splitter.flush("paragraph")):  # as they are spoken: each when it is whole
        prepare_text(piece.text, normalizer)
    return time.process_time() - began


def rows(rounds: int) -> list[Row]:
    found = []
    for normalizer in NORMALIZERS:
        for name, unit in KINDS.items():
            for length in LENGTHS:
                text = text_of(unit, length)
                seconds_for(text, normalizer)
                per_100 = [seconds_for(text, normalizer) * 100 / length for _ in range(rounds)]
                shared = {"normalize": normalizer, "characters": length}
                label = f"100 characters of {name}"
                found.append(row_of(label, per_100, name="split", shared=shared, condition={"text": name}))
    return found


if __name__ == "__main__":
    sys.exit(main_of_text(__doc__, "Pieces of a long text", rows))
