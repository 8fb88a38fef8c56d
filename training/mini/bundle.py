"""Stage `export`: the four graphs and their configuration, in `<work>/bundle`."""

from __future__ import annotations

import json
from pathlib import Path

import onnx

from .codec import load_statistics
from .export_speech import embed_tokens, language_model
from .export_voice import SAMPLES, conditional_decoder, speech_encoder
from .speech_model import HEAD, HEADS, LAYERS, PREFIX, WIDTH
from .student import canonical_of, shift_of, state_of
from .tokens import END_OF_TEXT, SILENCE, START, STOP, TEXT_VOCABULARY, VOCABULARY, tokenizer
from .vocoder import SAMPLE_RATE


def configuration() -> dict[str, object]:
    return {
        "model_type": "chatterbox",
        "variant": "mini",
        "sample_rate": SAMPLE_RATE,
        "samples_per_token": SAMPLES,
        "start_speech_token": START,
        "stop_speech_token": STOP,
        "silence_token": SILENCE,
        "end_of_text_token": END_OF_TEXT,
        "text_normalizer": "en",
        "piece_characters": 200,
        "default_voice": "woman",
        "voice_prefix_positions": PREFIX,
        # One turn of the slowest sinusoid of positions (speech_model.frequencies).
        "max_positions": 1200,
        # The vocoder's phase and noise count from the start of a call: decode from the first token on.
        "stream_left_context": -1,
        "stream_look_ahead": 14,
        "text_config": {
            "model_type": "gpt2",
            "n_layer": LAYERS,
            "n_head": HEADS,
            "n_embd": WIDTH,
            "head_dim": HEAD,
            "vocab_size": VOCABULARY,
            "text_vocab_size": TEXT_VOCABULARY,
        },
    }


GENERATION = {
    "bos_token_id": START,
    "eos_token_id": STOP,
    "do_sample": False,
    "repetition_penalty": 1.0,
    # The first layer's heads start out matching places in the text with those in the speech (speech_model).
    "alignment_heads": [[0, head] for head in range(HEADS)],
}


def run(work: Path, speech: str = "speech.pt") -> Path:
    """Write the bundle from the stages' weights; return its folder."""
    folder = work / "bundle"
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    shift, canonical = shift_of(work), canonical_of(work)
    text, model = (state_of(work, speech, key) for key in ("text", "model"))
    decoder = state_of(work, "decoder.pt", "dec")
    graphs = {
        "embed_tokens": embed_tokens(text, model, shift),
        "language_model": language_model(model, shift),
        "conditional_decoder": conditional_decoder(decoder, *load_statistics(work), shift, canonical.log_f0),
        "speech_encoder": speech_encoder(
            model["voice"], state_of(work, "student.pt", "student"), shift, canonical
        ),
    }
    for name, graph in graphs.items():
        onnx.save(graph, folder / "onnx" / f"{name}.onnx")
    files = {
        "config.json": configuration(),
        "generation_config.json": GENERATION,
        "tokenizer.json": tokenizer(),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    sizes = {path.name: path.stat().st_size for path in sorted(folder.rglob("*.*")) if path.is_file()}
    print(f"export: {sum(sizes.values()) / 1e6:.2f} MB {sizes}")
    return folder
