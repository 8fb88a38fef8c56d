"""What does it cost to write English text out in words?

    python benchmarks/text.py [--rounds 5] [--json FILE]

Rows are kinds of text, prose and the worst that is known, short and long: time a 100 characters should not
grow with the length. Timed: `spell` for 100 characters, processor time. Left out: tokenizer and model.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from harness import main_of_text

from loquor.bench import Row, row_of
from loquor.english import spell

PROSE = (
    "When Mr. Price came down from the hill, it was nearly dark, and the rain had begun again; nobody in the "
    "village had seen him since the morning. \"Well,\" he said, 'that's that.' They didn't answer.\n"
)
KINDS = {
    "prose": PROSE,
    "news": "In 1987, Sen. Hill (D-N.Y.) paid $1.4 billion - 9% of it - on Oct. 18 at 7:30 p.m., it said. ",
    "index": "Abel, John, 12, 14-17, 203; Adams, Mary (1801-1877), 5n, 88, ch. 4 pass.; A.B.C., vol. 3.\n",
    "markup": '<p class="x">Tom &amp; Ann&#39;s <b>[1]</b> [page](https://a.example/b?c=1), {#id} `x`.</p>\n',
    "capitals": "THE END OF PART II: NASA, THE FBI AND HENRY VIII... MOM! ",
    "numbers": "one, 2, $3.50, 4/5, 6-7, 8:09, 1,000,000, 2.5 km/h, 10 x 20 cm, 3rd, +1 555 123 4567; ",
    "one, one,": "one, ",
    "1,1,1": "1,",
    "dashes": "-1 - ",
    "brackets": "([<",
    "a long word": "aB3-",
}  # fmt: skip
LENGTHS = (100, 3200)


def seconds_for(text: str) -> Callable[[], float]:
    """The processor's time for the text, the mean of some calls."""
    calls = max(1, 2000 // len(text))

    def ask() -> float:
        began = time.process_time()
        for _ in range(calls):
            spell(text)
        return (time.process_time() - began) / calls

    return ask


def rows(rounds: int) -> list[Row]:
    found = []
    for length in LENGTHS:
        for kind, unit in KINDS.items():
            text = (unit * (length // len(unit) + 1))[:length]
            ask = seconds_for(text)
            ask()
            per_100 = [ask() * 100 / length for _ in range(rounds)]
            shared, condition = {"characters": length}, {"text": kind}
            label = f"100 characters of {kind}"
            found.append(row_of(label, per_100, name="spell", shared=shared, condition=condition))
    return found


if __name__ == "__main__":
    sys.exit(main_of_text(__doc__, "English text in words", rows))
