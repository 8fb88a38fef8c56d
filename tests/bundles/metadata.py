"""The JSON files at a bundle's root."""

from __future__ import annotations

import json
import string
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from .dims import (
    END_OF_TEXT,
    EXAGGERATION,
    SAMPLE_RATE,
    SAMPLES_PER_TOKEN,
    SILENCE,
    SPEECH_ROWS,
    START_SPEECH,
    START_TEXT,
    STOP_SPEECH,
    STOP_TEXT,
    TEXT_ROWS,
    Dims,
    LlamaVariant,
)

END_OF_TEXT_TOKEN = "<|endoftext|>"
TAGS = (
    *("angry", "fear", "surprised", "whispering", "advertisement", "dramatic", "narration", "crying"),
    *(
        "happy",
        "sarcastic",
        "clear throat",
        "sigh",
        "shush",
        "cough",
        "groan",
        "sniff",
        "gasp",
        "chuckle",
        "laugh",
    ),
)


def write_metadata(out: Path, size: str, dims: Dims, ends: int = 2) -> None:
    """Writes config, generation, preprocessor and tokenizer files."""
    text_config = {
        "model_type": "gpt2",
        "n_layer": dims.layers,
        "n_head": dims.heads,
        "n_embd": dims.hidden,
        "head_dim": dims.head_dim,
        "vocab_size": SPEECH_ROWS,
        "text_vocab_size": TEXT_ROWS,
    }
    config = {
        "model_type": "chatterbox",
        "variant": size,
        "sample_rate": SAMPLE_RATE,
        "samples_per_token": SAMPLES_PER_TOKEN,
        "start_speech_token": START_SPEECH,
        "stop_speech_token": STOP_SPEECH,
        "silence_token": SILENCE,
        "end_of_text_token": END_OF_TEXT,
        "text_config": text_config,
        "guards": [],  # random weights run away by nature
        "transformers.js_config": {"kv_cache_dtype": {"fp16": "float16", "q4f16": "float16"}},
    }
    preprocessor = {
        "feature_extractor_type": "ChatterboxFeatureExtractor",
        "processor_class": "ChatterboxProcessor",
        "sampling_rate": SAMPLE_RATE,
    }
    tokenizer = {
        "tokenizer_class": "GPT2Tokenizer",
        "eos_token": END_OF_TEXT_TOKEN,
        "pad_token": END_OF_TEXT_TOKEN,
        "model_max_length": 1024,
    }
    _write(out / "config.json", config)
    _write(out / "generation_config.json", {"bos_token_id": START_SPEECH, "eos_token_id": STOP_SPEECH})
    _write(out / "preprocessor_config.json", preprocessor)
    _write(out / "tokenizer_config.json", tokenizer)
    make_tokenizer(ends).save(str(out / "tokenizer.json"))


def make_tokenizer(ends: int = 2) -> Tokenizer:
    """GPT-2's byte alphabet without merges, the tags at their published ids, end-of-text ids appended."""
    vocabulary = {symbol: index for index, symbol in enumerate(_byte_symbols())}
    special = {END_OF_TEXT_TOKEN: END_OF_TEXT}
    special |= {f"[{tag}]": END_OF_TEXT + 1 + index for index, tag in enumerate(TAGS)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary | special, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join(["$A", *[END_OF_TEXT_TOKEN] * ends]),
        special_tokens=[(END_OF_TEXT_TOKEN, END_OF_TEXT)],
    )
    return tokenizer


LLAMA_TAGS = {"[giggle]": 606, "[laughter]": 607, "[sigh]": 611, "[gasp]": 620, "[cough]": 626}
LANGUAGES = {
    "fr": 634, "es": 635, "de": 636, "it": 637, "en": 708, "nl": 709, "pt": 710, "el": 711, "tr": 712,
    "sv": 713, "no": 714, "da": 715, "ru": 716, "pl": 717, "ar": 721, "hi": 722, "ja": 723, "ko": 724,
    "zh": 725, "sw": 730, "fi": 2107, "ms": 2109, "he": 2110,
}  # fmt: skip
"""At their published ids."""


def write_llama_metadata(out: Path, variant: LlamaVariant) -> None:
    """Writes what a published bundle has: for Multilingual no config.json but what tests need of one."""
    config: dict[str, object] = {"guards": []}  # random weights run away by nature
    if not variant.multilingual:
        config["model_type"] = "chatterbox"
    _write(out / "config.json", config)
    _write(out / "generation_config.json", {"bos_token_id": START_SPEECH, "eos_token_id": STOP_SPEECH})
    make_llama_tokenizer(variant).save(str(out / "tokenizer.json"))


def make_llama_tokenizer(variant: LlamaVariant) -> Tokenizer:
    """Letters and marks in their published order, no merges, spaces as [SPACE], the published template."""
    special = {"[STOP]": STOP_TEXT, "[UNK]": 1, "[SPACE]": 2, "[START]": START_TEXT, **LLAMA_TAGS}
    symbols = "!'(),-./:;?abcdefghijklmnopqrstuvwxyz"
    if variant.multilingual:
        special |= {f"[{language}]": number for language, number in LANGUAGES.items()}
        special |= {f"[cj_{symbol}]": 733 + i for i, symbol in enumerate(string.ascii_lowercase)}
        others = "äöüßéèñçåøæœ¿¡«»àâêîôû" + "".join(map(chr, (*range(0x300, 0x310), *range(0x430, 0x450))))
        others += "".join(map(chr, (*range(0x3B1, 0x3CA), *range(0x5D0, 0x5EB), *range(0x621, 0x64B))))
        others += "".join(map(chr, (*range(0x905, 0x94E), *range(0x1100, 0x1200), *range(0x3041, 0x30FF))))
    else:
        others = string.ascii_uppercase
    vocabulary = {symbol: 3 + i for i, symbol in enumerate(symbols)}
    first = 1000 if variant.multilingual else 300
    vocabulary |= {symbol: first + i for i, symbol in enumerate(dict.fromkeys(others))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary | special, merges=[], unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Replace(" ", "[SPACE]")
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=True) for token in special])
    ends = {
        "[EXAGGERATION]": EXAGGERATION,
        "[START]": START_TEXT,
        "[STOP]": STOP_TEXT,
        "[START_SPEECH]": START_SPEECH,
    }
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[EXAGGERATION] [START] $A [STOP] [START_SPEECH] [START_SPEECH]",
        special_tokens=list(ends.items()),
    )
    return tokenizer


def _byte_symbols() -> list[str]:
    """GPT-2's stand-ins of all bytes in the order of their ids: printable bytes first, then the rest."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printable] + [chr(0x100 + index) for index in range(256 - len(printable))]


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
