"""What a bundle may look like: sizes, precisions, forms of attention, and the ids every bundle shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

SAMPLE_RATE = 24_000
SAMPLES_PER_TOKEN = 960
TEXT_ROWS = 50_276
SPEECH_ROWS = 6_563
SPEECH_CODES = 6_561  # ids the decoder knows: START and STOP are not among them
START_SPEECH = 6_561
STOP_SPEECH = 6_562
SILENCE = 4_299
END_OF_TEXT = 50_256
MAX_POSITIONS = 8_196
SPEAKER_WIDTH = 192
MEL_BINS = 80
DECODER_PROMPT_TOKENS = 250
PREFIX_TOKENS = 375

# Of English and Multilingual.
LLAMA_SPEECH_ROWS = 8_194
TEXT_POSITIONS = 2_050
SPEECH_POSITIONS = 4_100
EXAGGERATION = 6_563
START_TEXT = 255
STOP_TEXT = 0
PERCEIVER_ROWS = 32
PERCEIVED_TOKENS = 150

GRAPHS = ("speech_encoder", "embed_tokens", "language_model", "conditional_decoder")
FORMS = ("concat", "mha", "gqa")
EXPORTED_FORMS = ("torchscript", "dynamo")
STANDARD_FORMS = ("attention", "attention-past", "attention-buffer")
MISLEADING_FORMS = ("gqa-past-positions",)
LLAMA_FORMS = ("concat", "gqa", "gqa-positions")


@dataclass(frozen=True)
class Dims:
    """Dimensions of a language model; the feed-forward layer is four times as wide as the residual stream."""

    layers: int
    hidden: int
    heads: int
    rotary_rows: int = 4_096
    """Positions of a Llama's rotary tables."""

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads


@dataclass(frozen=True)
class LlamaVariant:
    """What tells one bundle of the Llama families from another."""

    text_rows: int
    multilingual: bool
    conditioned: bool = False
    """Whether embed_tokens takes `text_conditioning`."""


@dataclass(frozen=True)
class Precision:
    """How weights are stored: floats if `bits` is 0, else block-wise codes with scales and zero points."""

    suffix: str
    half: bool
    bits: int = 0
    block: int = 32
    """Codes with one scale, in products; 32 in tables."""
    float_zeros: bool = False
    """Whether the zero points of products are floats, as HQQ quantisers write them."""

    @property
    def float_type(self) -> int:
        """ONNX type of float weights, scales, activations and the KV cache."""
        return int(TensorProto.FLOAT16 if self.half else TensorProto.FLOAT)

    @property
    def float_dtype(self) -> type[np.floating]:
        """NumPy's name of the same."""
        return np.float16 if self.half else np.float32

    @property
    def float_bits(self) -> int:
        return 16 if self.half else 32


SIZES = {
    "tiny": Dims(layers=2, hidden=64, heads=2),
    "nano": Dims(layers=12, hidden=768, heads=12),
    "turbo": Dims(layers=24, hidden=1024, heads=16),
    "llama": Dims(layers=30, hidden=1024, heads=16, rotary_rows=131_072),
}
LLAMA_VARIANTS = {
    "english": LlamaVariant(704, multilingual=False),
    "multilingual": LlamaVariant(2_352, multilingual=True),
    "multilingual-v3": LlamaVariant(2_454, multilingual=True, conditioned=True),
}
PRECISIONS = {
    "fp32": Precision("", half=False),
    "fp16": Precision("_fp16", half=True),
    "q8": Precision("_quantized", half=False, bits=8),
    "q4": Precision("_q4", half=False, bits=4),
    "q4f16": Precision("_q4f16", half=True, bits=4),
}
DTYPES = tuple(PRECISIONS)
PRECISIONS |= {
    "int8_mixed": Precision("_int8_mixed", half=False, bits=8),
    "int8": Precision("_int8", half=False, bits=8),
}
"""The last two are one exporter's, of the language model and of the decoder."""
