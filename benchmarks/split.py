"""What does it cost to find the pieces of a long text?

    python benchmarks/split.py [--rounds 5] [--json FILE]

Rows are kinds of text, prose and the worst that is known, short and long, for models that read text as it is
and for those that get it in words: time a 100 characters should not grow with the length. Timed: `Splitter`
with the model's measure, processor time. Left out: what each piece costs when it is spoken.
"""

from __future__ import annotations

import sys
import time

from harness import main_of_text

from loquor.bench import Row, row_of
from loquor.bundle.text_rules import NORMALIZERS, measure_of
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
    "Mr. Mr.": "Mr. ",
    "a. b.": "a. b. ",
    "dots": ". ",
    "open quotes": 'He said "x. ',
    "short sentences": "No! ",
    "no spaces": "aB3-",
    "colours": "\x1b[32mok\x1b[0m it is.\n",
}
LENGTHS = (1600, 25600)


def seconds_for(text: str, normalizer: str) -> float:
    measure = measure_of(normalizer)
    began = time.process_time()
    splitter = Splitter(200, join_below=40, language="en", measure=measure)
    for chunk in windows(text):
        list(splitter.add(chunk))
    list(splitter.flush("paragraph"))
    return time.process_time() - began


def rows(rounds: int) -> list[Row]:
    found = []
    for normalizer in NORMALIZERS:
        for name, unit in KINDS.items():
            for length in LENGTHS:
                text = (unit * (length // len(unit) + 1))[:length]
                seconds_for(text, normalizer)
                per_100 = [seconds_for(text, normalizer) * 100 / length for _ in range(rounds)]
                shared = {"normalize": normalizer, "characters": length}
                label = f"100 characters of {name}"
                found.append(row_of(label, per_100, name="split", shared=shared, condition={"text": name}))
    return found


if __name__ == "__main__":
    sys.exit(main_of_text(__doc__, "Pieces of a long text", rows))
