"""python -m bundles OUT --size turbo --form gqa --dtype q4"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import (
    DTYPES,
    EXPORTED_FORMS,
    FORMS,
    GRAPHS,
    LLAMA_FORMS,
    LLAMA_VARIANTS,
    MISLEADING_FORMS,
    SIZES,
    STANDARD_FORMS,
    make_bundle,
    make_llama_bundle,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bundles", description="Write a bundle with random weights.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--variant", choices=LLAMA_VARIANTS, help="of English or Multilingual; else Turbo")
    forms = dict.fromkeys((*FORMS, *EXPORTED_FORMS, *STANDARD_FORMS, *MISLEADING_FORMS, *LLAMA_FORMS))
    parser.add_argument("--form", choices=tuple(forms), default="concat")
    parser.add_argument("--dtype", choices=DTYPES, default=["fp32"], nargs="+")
    parser.add_argument("--encoder-names", choices=("audio", "card"), default="audio")
    parser.add_argument("--graphs", choices=GRAPHS, default=GRAPHS, nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--noise", action="store_true", help="let the decoder draw noise")
    parser.add_argument("--stop-bias", type=float, default=0.0, help="added to the logit of STOP")
    arguments = vars(parser.parse_args())
    out, dtypes = arguments.pop("out"), arguments.pop("dtype")
    make = make_llama_bundle if arguments["variant"] else make_bundle
    if not arguments["variant"]:
        del arguments["variant"]
    for dtype in dtypes:
        make(out, dtype=dtype, **arguments)


if __name__ == "__main__":
    main()
