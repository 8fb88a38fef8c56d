"""Parts of the built-in voice's recipe that know nothing of its codes: letters, measures, samples."""

# ruff: noqa: RUF001 - phonetic letters are meant

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from loquor.bench import edit_distance

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from voice import codes, evaluation_texts, events, grammar, measures, questions, spell, tokens
from voice.align import Aligner, align, learn
from voice.items import LEAD, Item
from voice.tokens import EVENT_TAGS


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
    for kind in grammar.PATTERNS:
        for _ in range(200):
            made = grammar.sentence(kind, rng)
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
    assert edit_distance(measures.words("One 2, three!"), ["one", "too", "three", "four"]) == 2
    assert measures.words("Dr Hill, 10.05, 6pm") == measures.words("Dr. Hill, 10:05, 6 p.m.")
    time = np.arange(24_000) / 24_000
    buzz = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 12)).astype(np.float32)
    assert measures.median_f0(buzz, 24_000) == pytest.approx(130, rel=0.02)


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


def test_noise_is_white_and_the_same_each_time():
    pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    from voice.graph import Graph
    from voice.operators import hashed_noise, noise

    g = Graph("noise")
    g.output(noise(g, g.input("positions", ["n"], 7)), "noise", ["n"])
    session = ort.InferenceSession(g.model().SerializeToString(), providers=["CPUExecutionProvider"])
    where = np.arange(1, 24_001)
    [white] = session.run(None, {"positions": where})
    np.testing.assert_allclose(white, hashed_noise(where), atol=1e-5)
    assert abs(white.mean()) < 0.03 and white.std() == pytest.approx(1, abs=0.02)
    spectrum = np.abs(np.fft.rfft(white - white.mean())) ** 2
    assert spectrum.max() < 20 * spectrum.mean()  # white: no line stands out


def test_training_goes_on_where_it_stopped(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from voice import trainer
    from voice.trainer import Schedule

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


def item(symbols: list[int], tokens: int) -> Item:
    """A text of which each letter lasts as long, after two tokens of silence; events begin there, too."""
    times = np.linspace(LEAD, tokens, len(symbols) + 1, dtype=np.float32)
    phones = np.zeros((len(symbols), 3), np.uint8)
    return Item(np.array(symbols, np.uint8), times[:-1], times[1:], phones, 0, tokens)


def test_joined_samples_keep_time():
    pytest.importorskip("torch")
    from voice.samples import join, sample_of, with_style

    made = np.zeros((30, 3), np.uint8)
    a, event, b = (sample_of(item(*x), made) for x in (([25, 26, 27], 12), ([17], 9), ([30, 31], 8)))
    joined = join([a, event, b], tail=".")
    assert len(joined.codes) == 12 + 9 + 8
    assert len({len(getattr(joined, f.name)) for f in dataclasses.fields(joined)} - {len(joined.codes)}) == 1
    assert (np.diff(joined.start) > -1e-3).all()
    np.testing.assert_allclose(joined.start[1:], joined.end[:-1], atol=0.6)
    assert event.start[0] == LEAD
    styled = with_style(a, 3)
    assert (styled.end[:2] == styled.start[:2]).all()
    assert np.array_equal(styled.codes, a.codes)


def test_questions_of_yes_or_no_rise_and_no_others():
    voice = codes.Voice(5.0, 0.2)
    asked, plain = "ˈɪz ɪt wˈɛt?", "wˌʌt ɪz ɪt?"
    for string, rises in ((asked, True), (plain, False), (f"ænd {plain}", False), ("wˈI!", False)):
        durations = [4] * (len(string) + 2)
        pitch = np.full(2 * sum(durations), np.exp(5.0))
        pitch[-16:] = 0.0
        curve = questions.bent(string, durations, pitch, voice)
        assert (not np.array_equal(curve, pitch)) == rises, string
    durations = [4] * (len(asked) + 2)
    pitch = np.full(2 * sum(durations), np.exp(5.0))
    curve = questions.bent(asked, durations, pitch, voice)
    stressed, mark = 8 * (1 + asked.rindex("ˈ")), 8 * (1 + asked.index("?"))
    np.testing.assert_array_equal(curve[:stressed], pitch[:stressed])
    np.testing.assert_array_equal(curve[mark:], pitch[mark:])
    moved = np.log(curve[stressed : mark - 8])  # the last sound has no voice
    assert (np.diff(moved) > 0).all() and moved[0] < 5.0 < 5.2 < moved[-1]
    np.testing.assert_array_equal(curve[mark - 8 : mark], pitch[mark - 8 : mark])


def test_every_event_has_phonemes_that_codes_know():
    assert set(events.SAID) == set(EVENT_TAGS)
    for string in events.SAID.values():
        assert all(c in codes.STRESS + " ,.!…" or c in codes.NUMBER for c in string), string
