"""Makers of complete bundles in the published four-graph layout, with random weights drawn from a seed."""

from .bundle import data_bytes, make_bundle, make_llama_bundle
from .dims import (
    DTYPES,
    EXPORTED_FORMS,
    FORMS,
    GRAPHS,
    LLAMA_FORMS,
    LLAMA_VARIANTS,
    MISLEADING_FORMS,
    PRECISIONS,
    SIZES,
    STANDARD_FORMS,
    Dims,
    Precision,
)

__all__ = [
    "DTYPES",
    "EXPORTED_FORMS",
    "FORMS",
    "GRAPHS",
    "LLAMA_FORMS",
    "LLAMA_VARIANTS",
    "MISLEADING_FORMS",
    "PRECISIONS",
    "SIZES",
    "STANDARD_FORMS",
    "Dims",
    "Precision",
    "data_bytes",
    "make_bundle",
    "make_llama_bundle",
]
