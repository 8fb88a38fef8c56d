"""The recipe of the built-in voice (training/mini): text, alignment, vocoder, and a tiny whole run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from mini import corpus, evaluation_texts, intonation, measures, spell, teacher, text, tokens
from mini.align import Aligner, Letter, align, learn
from mini.debian import SOURCES
from mini.grammar import sentence

SCOWL = {
    "10": ["water", "house", "don't", "one"], "20": ["garden", "mother's"], "35": ["oyster", "pewter"],
    "40": ["quorum"], "50": ["zephyr"], "names": ["lisbon"],
}  # fmt: skip


def test_the_same_texts_every_time_and_others_with_another_seed():
    texts = text.make_texts(SCOWL, 300)
    assert texts == text.make_texts(SCOWL, 300)
    assert texts != text.make_texts(SCOWL, 300, seed=2)
    assert len(texts) == len(set(texts)) > 100


def test_the_texts_are_those_the_voice_was_trained_on():
    """Whoever changes the preparation of texts on purpose trains anew, and writes the new hash here."""
    made = "\n".join(text.make_texts(SCOWL, 1500))
    expected = "e4d0e36052349429b585a7f7668c9a308b1d0a1922093d2c27a0ef8c8d7aefa2"
    assert hashlib.sha256(made.encode()).hexdigest() == expected


def test_texts_have_only_letters_of_the_voice_and_1_to_300_characters():
    texts = text.make_texts(SCOWL, 600)
    assert all(set(t) <= set(spell.LETTERS) and 1 <= len(t) <= 300 for t in texts)
    assert min(map(len, texts)) == 1
    assert max(map(len, texts)) > 200
    for word in SCOWL["10"] + SCOWL["35"]:
        assert any(word in t for t in texts), word


def test_no_evaluation_sentence_is_trained_on(monkeypatch):
    held = {spell.letters_only(s) for s in evaluation_texts.all_sentences()}
    assert len(held) >= 120
    assert not held & set(text.make_texts(SCOWL, 2000))
    planted = evaluation_texts.all_sentences()[3]
    monkeypatch.setattr(
        text, "sentence", lambda kind, rng: f"well, {planted} yes!" if kind == "news" else "no."
    )
    made = text.make_texts(SCOWL, 300)
    assert not any(spell.letters_only(planted)[:-1] in t for t in made)


def test_four_groups_of_thirty_different_sentences():
    groups = [evaluation_texts.sentences(group) for group in evaluation_texts.GROUPS]
    assert all(len(group) >= 30 for group in groups)
    everything = [s.lower() for group in groups for s in group]
    assert len(set(everything)) == len(everything)
    assert all(any(c.isdigit() for c in s) for s in groups[-1])


def test_stop_texts_run_from_one_word_to_300_characters():
    texts = evaluation_texts.stop_texts()
    assert len(texts) == 500
    assert min(len(t.split()) for t in texts) == 1
    assert 250 < max(map(len, texts)) <= 300
    assert texts == evaluation_texts.stop_texts()


def test_training_sources_have_permissive_licences():
    for source in SOURCES:
        assert source.licence
        assert source.use
        if not source.evaluation_only:
            assert source.licence.startswith(("SCOWL:", "CMU Flite"))
            assert "GPL" not in source.licence


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("In 1905, 3 of 21 left.", "in nineteen oh five, three of twenty-one left."),
        ("It costs $1,250.50!", "it costs one thousand two hundred fifty dollars and fifty cents!"),
        ("Dr. Hill lives at 7 Elm St. now", "doctor hill lives at seven elm street now"),
        ("May 3rd, at 7:05", "may third, at seven oh five"),
        ("-5 degrees; 2.5 kg & 60%", "minus five degrees; two point five kilograms and sixty percent"),
        ("Call 555 0142 (the 12th).", "call five five five zero one four two, the twelfth."),
        ("no. No. 9", "no. number nine"),
    ],
)
def test_numbers_and_abbreviations_in_words(written, spoken):
    assert spell.letters_only(written) == spoken


def test_grammar_fills_every_slot():
    import random

    rng = random.Random(5)
    for kind in text.SHARES:
        for _ in range(200):
            made = sentence(kind, rng)
            assert "{" not in made and "_" not in made


def test_letters_find_their_phones():
    words = {("phone", ("f", "ow", "n")): 3, ("fat", ("f", "ae", "t")): 3, ("pat", ("p", "ae", "t")): 3}
    table = learn(Counter(words))
    assert align("phone", ("f", "ow", "n"), table) == [1, 0, 1, 1, 0]
    assert align("ax", ("ae", "k", "s"), table) == [1, 2]
    assert align("a", ("ae", "k", "s"), table) is None


def test_letters_get_the_times_of_their_phones_and_punctuation_the_pauses():
    segments = [["f", 1, 0.2, 0.3], ["ae", 1, 0.3, 0.45], ["t", 1, 0.45, 0.5]]
    later = [[p, s, a + 0.6, b + 0.6] for p, s, a, b in segments]
    letters = Aligner(learn(Counter())).letters("fat, fat.", [("fat", segments), ("fat", later)], 1.3)
    times = [(round(x.start, 3), round(x.end, 3)) for x in letters]
    assert times[:3] == [(0.2, 0.3), (0.3, 0.45), (0.45, 0.5)]
    assert times[3] == (0.5, 0.8)  # the comma
    assert times[4] == (0.8, 0.8)  # the space
    assert times[-1] == (1.1, 1.3)
    assert Aligner({}).letters("dog", [("fat", segments)], 1.0) is None


def test_code_ids_are_one_to_one_and_silence_has_its_own():
    silence = np.array([1, -1, 0, 0, 1, -1, 1, 0])
    shift = tokens.digit_shift(silence)
    assert tokens.code_ids(silence, shift) == tokens.SILENCE
    every = np.stack(np.meshgrid(*[[-1, 0, 1]] * tokens.DIGITS), -1).reshape(-1, tokens.DIGITS)
    assert sorted(tokens.code_ids(every, shift)) == list(range(tokens.SPEECH_CODES))


def test_tokenizer_closes_a_text_twice_and_knows_the_tags(tmp_path):
    from tokenizers import Tokenizer

    (tmp_path / "tokenizer.json").write_text(json.dumps(tokens.tokenizer()))
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ids = tokenizer.encode("Hi [clear throat]é").ids
    assert ids[-2:] == [50256, 50256]
    assert ids[3] == 50267
    assert ids[:2] == [ord("H") - 33, ord("i") - 33]
    assert tokenizer.get_vocab_size() == 256 + 1 + 19


def test_word_errors_and_pitch_are_measured():
    assert measures.edit_distance(measures.words("One 2, three!"), ["one", "too", "three", "four"]) == 2
    assert measures.words("Dr Hill, 10.05, 6pm") == measures.words("Dr. Hill, 10:05, 6 p.m.")
    time = np.arange(24_000) / 24_000
    buzz = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 12)).astype(np.float32)
    assert measures.median_f0(buzz, 24_000) == pytest.approx(130, rel=0.02)


def steady(frames: int, f0: float, lead: int = 0) -> np.ndarray:
    """Teacher frames of one vowel-like sound, with silence before and after."""
    out = np.zeros((frames, teacher.CHANNELS), np.float32)
    voiced = slice(lead, frames - lead)
    out[:, 1] = 3.0
    out[voiced, 0] = f0
    out[voiced, 1:4] = 7.5, 1.5, -0.4
    out[voiced, 26:] = 0.9, 0.9, 0.7, 0.5, 0.4
    return out


def test_pitch_is_bent_before_marks_and_nowhere_else():
    letters = [Letter(0.1 * i, 0.1 * (i + 1)) for i in range(9)]
    frames = np.full((180, 31), 200.0, np.float32)
    bent = intonation.bend("ab, cdef?", letters, frames)
    np.testing.assert_array_equal(bent[:, 1:], frames[:, 1:])
    rise = np.log(bent[:, 0] / 200)
    assert 0.04 < rise[39] < 0.07  # just before the comma, at 0.2 s
    assert np.all(rise[60:84] == 0) and np.all(rise[160:] == 0)
    assert 0.2 < rise[159] < 0.29 and np.all(np.diff(rise[85:160]) >= 0)


def test_ends_and_pauses_are_measured():
    rate = 24_000
    time = np.arange(rate) / rate
    flat = np.sin(2 * np.pi * 120 * time).astype(np.float32)
    up = np.sin(2 * np.pi * (120 * time + 25 * np.clip(time - 0.6, 0, 1) ** 2)).astype(np.float32)
    assert abs(measures.final_rise(flat, rate)) < 0.2
    assert measures.final_rise(up, rate) > 1.0
    quiet = np.zeros(rate // 4, np.float32)
    assert measures.inner_pauses(np.concatenate([quiet, flat, quiet, flat, quiet]), rate) == [
        pytest.approx(0.25, abs=0.02)
    ]


def test_vocoder_sings_the_pitch_it_is_given_the_same_each_time():
    pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    from mini.graph import Graph
    from mini.vocoder import EMBEDDING, hashed_noise, noise, vocode

    g = Graph("vocoder")
    features = g.input("features", ["batch", "frames", corpus.FEATURES])
    speaker = g.input("speaker", ["batch", EMBEDDING])
    g.output(vocode(g, features, speaker, float(np.log(170))), "waveform", ["batch", "samples"])
    positions = g.input("positions", ["n"], 7)
    g.output(noise(g, positions), "noise", ["n"])
    session = ort.InferenceSession(g.model().SerializeToString(), providers=["CPUExecutionProvider"])
    x = corpus.features(steady(200, 170.0))
    x[:, 1] = 4.0
    embedding = np.zeros((2, EMBEDDING), np.float32)
    embedding[:, :4] = [[np.log(170), 1, 1, 1], [np.log(110), 1, 1, 1]]
    where = np.arange(1, 24_001)
    feeds = {"features": np.stack([x, x]), "speaker": embedding, "positions": where}
    waveform, white = session.run(None, feeds)
    assert waveform.shape == (2, 200 * 120)
    assert np.array_equal(waveform, session.run(None, feeds)[0])
    for row, f0 in zip(waveform, (170, 110), strict=True):
        assert measures.median_f0(row, 24_000) == pytest.approx(f0, rel=0.03)
        assert 0.01 < np.abs(row).max() < 0.99
    np.testing.assert_allclose(white, hashed_noise(where), atol=1e-5)
    assert abs(white.mean()) < 0.03 and white.std() == pytest.approx(1, abs=0.02)
    spectrum = np.abs(np.fft.rfft(white - white.mean())) ** 2
    assert spectrum.max() < 20 * spectrum.mean()  # white: no line stands out


def fake_teacher(work: Path) -> None:
    """A chunk as teacher.run writes it, of a language with one-phone letters."""
    (work / "teacher").mkdir()
    rng = np.random.default_rng(0)
    lines, frames = [], []
    for _ in range(40):
        words = ["".join(rng.choice(list("tanosmi"), rng.integers(2, 5))) for _ in range(rng.integers(2, 6))]
        phone = dict(zip("tanosmi", ("t", "aa", "n", "ow", "s", "m", "iy"), strict=True))
        now, spoken = 0.1, []
        for word in words:
            spoken.append(
                [word, [[phone[c], 1, now + 0.08 * i, now + 0.08 * (i + 1)] for i, c in enumerate(word)]]
            )
            now += 0.08 * len(word)
        count = round((now + 0.2) / teacher.FRAME_SECONDS)
        lines.append(json.dumps({"text": " ".join(words) + ".", "frames": count, "tokens": spoken}))
        frames.append(steady(count, 160 + 40 * rng.random(), lead=20))
    stem = work / "teacher" / "slt-000000"
    np.save(stem.with_suffix(".npy"), np.concatenate(frames).astype(np.float16))
    stem.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A work folder in which every stage from align to export has run with the tiny configuration."""
    pytest.importorskip("torch", reason="the recipe's own requirements are not installed")
    pytest.importorskip("onnx")
    from mini.__main__ import STAGES, run_stage
    from mini.config import TINY

    work = tmp_path_factory.mktemp("work")
    fake_teacher(work)
    for name in ("text", "teacher"):
        (work / f".{name}.done").touch()
    for name in STAGES:
        if name not in ("text", "teacher", "evaluate"):
            run_stage(name, work, TINY)
    return work


def test_a_tiny_run_ends_in_a_bundle_that_speaks(trained):
    from mini.speak import Speaker

    speaker = Speaker(trained / "bundle", threads=1)
    time = np.arange(48_500) / 24_000
    reference = np.sign(np.sin(2 * np.pi * 125 * time)).astype(np.float32) * 0.1
    voice = speaker.voice(reference)
    assert voice.audio_features.shape == (1, 1, 256)
    assert voice.audio_tokens.shape == (1, 50)
    assert voice.speaker_features.shape == (1, 100, 80)
    assert voice.speaker_embeddings.shape == (1, 192)
    assert np.exp(voice.speaker_embeddings[0, 0]) == pytest.approx(125, rel=0.03)
    samples = speaker.decode([7, 4299, 6560], voice)
    assert samples.shape == (3 * 960,)
    assert np.isfinite(samples).all() and np.abs(samples).max() <= 0.99
    assert np.array_equal(samples, speaker.decode([7, 4299, 6560], voice))
    assert speaker.decode([], voice).shape == (0,)
    found = speaker.tokens("Tan osi. [laugh] Mo!", voice)
    assert found is None or all(0 <= t < 6561 for t in found)


def test_exported_graphs_compute_what_was_trained(trained, monkeypatch):
    import torch
    from mini import export_speech
    from mini.graph import Graph
    from mini.samples import Sampler, text_batch
    from mini.speech_model import PADDING, LanguageModel, TextEncoder, centres
    from mini.student import session, shift_of, state_of

    monkeypatch.setattr(Graph, "weight", lambda self, value, axis: self.constant(value.astype(np.float32)))
    shift = shift_of(trained)
    text_state, model_state = (state_of(trained, "speech.pt", key) for key in ("text", "model"))
    encoder, model = TextEncoder(), LanguageModel()
    for network, key in ((encoder, "text"), (model, "model")):
        network.load_state_dict(torch.load(trained / "speech.pt", weights_only=True)[key])
    data = corpus.load(trained)
    sample = Sampler(data, np.load(trained / "codes.npy"), 1).held_samples()[0]
    letters = "".join(spell.LETTERS[s - corpus.FIRST_LETTER] for s in sample.symbols)
    ids = [tokens.byte_ids()[ord(c)] for c in letters] + [tokens.END_OF_TEXT] * 2
    batch = text_batch([sample])
    with torch.no_grad():
        hidden = encoder.hidden(batch.symbols)
        duration = encoder.durations(hidden)[:, :-PADDING]
        vectors = encoder.vectors(hidden[:, :-PADDING], duration, centres(duration), batch.letters)
        codes = torch.from_numpy(sample.codes.astype(np.float32))
        rows = [model.voice, vectors[0], model.start[None], model.start[None], model.speech_vectors(codes)]
        x = torch.cat(rows)[None]
        wanted = model(x)[0, -len(codes) - 1 :]
    embed = session(export_speech.embed_tokens(text_state, model_state, shift))
    [prompt] = embed.run(None, {"input_ids": np.array([ids])})
    spoken = [
        embed.run(None, {"input_ids": np.array([[i]])})[0] for i in tokens.code_ids(sample.codes, shift)
    ]
    got = np.concatenate([model.voice.detach().numpy()[None], prompt, *spoken], 1)
    np.testing.assert_allclose(got, x.numpy(), atol=2e-4)
    graph = session(export_speech.language_model(model_state, shift))
    past = {i.name: np.zeros((1, 4, 0, 64), np.float32) for i in graph.get_inputs()[3:]}
    places = {
        "attention_mask": np.ones((1, got.shape[1]), np.int64),
        "position_ids": np.arange(got.shape[1])[None],
    }
    logits = graph.run(None, {"inputs_embeds": got} | places | past)[0][0, -len(codes) - 1 :]
    np.testing.assert_allclose(np.exp(logits).sum(-1), 1, atol=1e-3)
    digits = wanted[:, :-1].unflatten(-1, (8, 3)).argmax(-1).numpy() - 1
    assert (logits[:, :6561].argmax(-1) == tokens.code_ids(digits, shift)).all()
    np.testing.assert_allclose(
        logits[:, tokens.STOP], torch.nn.functional.logsigmoid(wanted[:, -1]), atol=1e-3
    )


def test_training_goes_on_where_it_stopped(trained, tmp_path, monkeypatch):
    import torch
    from mini import trainer
    from mini.config import Schedule

    monkeypatch.setattr(trainer, "SAVE_EVERY", 2)

    def train(folder: Path, stop_at: int | None) -> torch.Tensor:
        torch.manual_seed(0)
        network = torch.nn.Linear(4, 2)
        calls = Counter()

        def step(rng):
            calls["steps"] += 1
            if calls["steps"] == stop_at:
                raise KeyboardInterrupt
            return network(torch.from_numpy(rng.standard_normal((8, 4)).astype(np.float32))).square().sum()

        folder.mkdir(exist_ok=True)
        trainer.train("net", folder, {"net": network}, Schedule(6, 0.1, 1), step, validate=lambda: "")
        return network.weight.detach().clone()

    whole = train(tmp_path / "whole", None)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", 4)
    assert torch.equal(train(tmp_path / "broken", None), whole)


def test_joined_samples_keep_time(trained):
    from mini.samples import Sampler, join, sample_of, with_style

    data, codes = corpus.load(trained), np.load(trained / "codes.npy")
    a, b = Sampler(data, codes, 2).held_samples()
    event = sample_of(next(iter(data.events.values()))[0], codes)
    joined = join([a, event, b], tail=".")
    assert len(joined.codes) == len(a.codes) + len(event.codes) + len(b.codes)
    assert len({len(getattr(joined, f.name)) for f in dataclasses.fields(joined)} - {len(joined.codes)}) == 1
    assert (np.diff(joined.start) > -1e-3).all()
    np.testing.assert_allclose(joined.start[1:], joined.end[:-1], atol=0.6)
    assert event.start[0] == corpus.LEAD
    styled = with_style(a, 3)
    assert (styled.end[:2] == styled.start[:2]).all()
    assert np.array_equal(styled.codes, a.codes)
