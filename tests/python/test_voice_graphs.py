"""The graphs that the recipe of the built-in voice (training/voice) writes, beside the networks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from voice import codes


def run(model: onnx.ModelProto, **feeds: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def weights(module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def test_the_decoders_graph_says_what_the_network_and_the_vocoder_say(monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("pyworld")
    from voice import export, vocoder
    from voice import graph as builder
    from voice.decoder import Decoder, Scaling, pitch_of
    from voice.tokens import SILENCE

    monkeypatch.setattr(builder, "_SMALLEST_QUANTISED", 10**9)
    torch.manual_seed(0)
    net, scaling = Decoder(), Scaling()
    scaling.mean[2] = -4.0
    said = codes.part(np.random.default_rng(0).integers(0, 6561, 12))
    silence = np.tile(np.uint8([[0, 1, 0]]), (4, 1))
    assert export.code_ids(silence).tolist() == [SILENCE] * 4
    timbre = torch.randn(1, 192) * 0.3
    [made] = run(
        export.conditional_decoder(weights(net), weights(scaling)), speech_tokens=export.code_ids(said)[None],
        speaker_embeddings=timbre.numpy(), speaker_features=np.zeros((1, 0, 80), np.float32),
    )  # fmt: skip
    with torch.no_grad():
        padded = torch.from_numpy(np.concatenate([silence, said, silence]).astype(np.int64))
        frames = net(padded[None], timbre)[0] * scaling.deviation + scaling.mean
        height, spread = pitch_of(timbre[0])
    frames[:, 0] = frames[:, 0] * spread + height
    frames[:, 1] = (frames[:, 1] > 0).float()
    [known] = run(vocoder.graph(), frames=frames[None, 16:-12].numpy())
    assert made.shape == (12 * 960,)
    np.testing.assert_allclose(made, known[: len(made)], atol=1e-2 * np.abs(known).max())


def test_the_language_models_graph_adds_up_its_three_choices(monkeypatch):
    torch = pytest.importorskip("torch")
    from voice import export
    from voice import graph as builder
    from voice.speech_model import HEAD, HEADS, LAYERS, Speech
    from voice.text_encoder import TextEncoder

    monkeypatch.setattr(builder, "_SMALLEST_QUANTISED", 10**9)
    torch.manual_seed(0)
    model, x = Speech(), torch.randn(1, 9, 256)
    names = [f"past_key_values.{i}.{kind}" for i in range(LAYERS) for kind in ("key", "value")]
    past = dict.fromkeys(names, np.zeros((1, HEADS, 0, HEAD), np.float32))
    made = run(
        export.language_model(weights(model)), inputs_embeds=x.numpy(),
        attention_mask=np.ones((1, 9), np.int64), position_ids=np.arange(9)[None], **past,
    )[0]  # fmt: skip
    with torch.no_grad():
        logits = model(x)[0]
    choices = [c.log_softmax(-1).numpy() for c in logits.split([*codes.SIZES, 1], -1)[:3]]
    which = codes.part(np.arange(6561))
    known = sum(choice[:, which[:, i]] for i, choice in enumerate(choices))
    go_on = -torch.nn.functional.softplus(logits[:, -1:]).numpy()
    np.testing.assert_allclose(made[:, export.code_ids(which)], known + go_on, atol=2e-3)
    np.testing.assert_allclose(np.exp(made).sum(-1), 1, atol=1e-4)
    embed = export.embed_tokens(weights(TextEncoder()), weights(model))
    [vector] = run(embed, input_ids=export.code_ids(which[4321:4322])[None])[0]
    expected = model.speech_vectors(torch.from_numpy(which[4321:4322].astype(np.int64)))[0]
    np.testing.assert_allclose(vector, expected.detach().numpy(), atol=1e-5)
