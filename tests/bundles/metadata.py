"""The JSON files at a bundle's root."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from .dims import (
    END_OF_TEXT,
    SAMPLE_RATE,
    SAMPLES_PER_TOKEN,
    SILENCE,
    SPEECH_ROWS,
    START_SPEECH,
    STOP_SPEECH,
    TEXT_ROWS,
    Dims,
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


def write_metadata(out: Path, size: str, dims: Dims) -> None:
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
    make_tokenizer().save(str(out / "tokenizer.json"))


def make_tokenizer() -> Tokenizer:
    """GPT-2's byte alphabet without merges, the tags at their published ids, two end-of-text ids appended."""
    vocabulary = {symbol: index for index, symbol in enumerate(_byte_symbols())}
    special = {END_OF_TEXT_TOKEN: END_OF_TEXT}
    special |= {f"[{tag}]": END_OF_TEXT + 1 + index for index, tag in enumerate(TAGS)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary | special, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END_OF_TEXT_TOKEN} {END_OF_TEXT_TOKEN}",
        special_tokens=[(END_OF_TEXT_TOKEN, END_OF_TEXT)],
    )
    return tokenizer


def _byte_symbols() -> list[str]:
    """GPT-2's stand-ins of all bytes in the order of their ids: printable bytes first, then the rest."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printable] + [chr(0x100 + index) for index in range(256 - len(printable))]


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
