"""The recipe of the built-in voice (training/voice), without the teacher."""

# ruff: noqa: RUF001 - phonetic letters are meant

from __future__ import annotations

import json
import re
import sys
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from voice import (
    alignment,
    analysis,
    coded,
    codes,
    evaluation_texts,
    melodies,
    parallel,
    spell,
    talk,
    teacher,
    text,
    timbres,
)
from voice.align import Aligner, learn

WORDS = ("water", "quorum", "zephyr", "oyster")


def run(model: onnx.ModelProto, **feeds: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def test_the_first_texts_stay_when_more_are_made():
    made = list(islice(text.texts(WORDS), 400))
    assert made[:50] == list(islice(text.texts(WORDS), 50))
    assert len(set(made)) == len(made)
    assert made[:50] != list(islice(text.texts(WORDS, seed="other"), 50))


def test_texts_are_written_as_people_write():
    made = list(islice(text.texts(WORDS), 1500))
    assert not [t for t in made if re.search(r"[{}|\n]|  |\d", t)]
    assert not [t for t in made if re.search(r"\bi\b|\b[Aa] [aeiou](?!n?e\b|ne-|uro|ni|ne)\w", t)]
    assert all(re.match(r'"?[A-Z]', t) and t[-1] in '.!?"' for t in made)
    assert {"?", "!", ",", ";", ":", '"'} <= set("".join(made))
    assert not [t for t in made if re.search(r"\b(monday|october|london|john)\b", t)]
    assert all(len(t) <= text.MOST_CHARACTERS for t in made)


def test_every_pattern_can_be_filled():
    import random

    slots = {slot for group in talk.PATTERNS.values() for p in group for slot in re.findall(r"\{(\w+)\}", p)}
    for slot in sorted(slots - set(talk.WORDS) - {"word"}):
        assert "{" not in text.fill_plain(f"{{{slot}}}", random.Random(1)), slot
    assert all(item == " ".join(item.split()) and item for items in talk.WORDS.values() for item in items)
    for kind in text.SHARES:
        assert text.sentence(kind, random.Random(2), WORDS)


def test_no_evaluation_sentence_is_spoken(monkeypatch):
    planted = evaluation_texts.all_sentences()[3]
    assert not set(map(spell.letters_only, evaluation_texts.all_sentences())) & set(
        map(spell.letters_only, islice(text.texts(WORDS), 1500))
    )
    draw = text.sentence
    monkeypatch.setattr(
        text, "sentence", lambda k, r, w: f"Well, {planted}" if k == "news" else draw(k, r, w)
    )
    assert not [t for t in islice(text.texts(WORDS), 300) if planted in t]


def test_a_cast_is_different_timbres_and_no_held_out_voice():
    assert not set(timbres.TRAINED) & set(timbres.HELD_OUT)
    heard = []
    for index in range(200):
        people = timbres.cast(index)
        assert people == timbres.cast(index)
        names = [name for timbre in people for name, _ in timbre.parts]
        assert len(set(names)) == len(names) == 4
        assert set(names) <= set(timbres.TRAINED)
        assert people[0].name in timbres.LEADING
        assert all(sum(weight for _, weight in timbre.parts) == pytest.approx(1) for timbre in people)
        heard += [people[0].name, people[2].name]
    assert set(heard) == set(timbres.TRAINED)


def test_a_mixture_is_the_weighted_mean_of_the_rows_for_the_length():
    styles = {name: np.full((510, 256), value, np.float32) for name, value in (("a", 1.0), ("b", 3.0))}
    styles["a"][7] = 2.0
    mixed = timbres.Timbre((("a", 0.25), ("b", 0.75))).style(styles, 7)
    assert mixed.shape == (1, 256)
    np.testing.assert_allclose(mixed, 2.75)
    assert timbres.single("a").style(styles, 9999)[0, 0] == 1.0


def curve(median: float, spread: float, seed: int = 0) -> np.ndarray:
    shape = np.random.default_rng(seed).standard_normal(200).cumsum() / 10
    made = np.exp(np.log(median) + spread * (shape - np.median(shape))).astype(np.float32)
    made[50:80] = 6.0
    return made


def test_following_keeps_the_height_and_takes_the_melody():
    led, own = curve(200, 0.1), curve(110, 0.12, seed=5)
    moved = teacher.follow(own, led)
    voiced = led > teacher.VOICED_ABOVE
    np.testing.assert_array_equal(moved[~voiced], led[~voiced])
    own_median = np.median(own[own > teacher.VOICED_ABOVE])
    assert np.median(moved[voiced]) == pytest.approx(own_median, rel=0.01)
    assert np.corrcoef(np.log(moved[voiced]), np.log(led[voiced]))[0, 1] > 0.99


def test_following_needs_enough_voice_to_tell():
    own = np.full(30, 5.0, np.float32)
    assert teacher.follow(own, curve(200, 0.1)[:30]) is own


def test_level_is_the_same_for_all_and_never_clips():
    noise = np.random.default_rng(0).uniform(-1, 1, 24_000).astype(np.float32)
    for gain in (1e-3, 0.1, 3.0):
        loud = parallel.level(noise * gain)
        assert np.sqrt(np.mean(loud**2)) == pytest.approx(parallel.LOUDNESS, rel=0.02)
    click = np.zeros(1000, np.float32)
    click[::100] = 1e-4
    click[5] = 1.0
    assert np.abs(parallel.level(click)).max() <= parallel.PEAK + 1e-6
    assert not parallel.level(np.zeros(10, np.float32)).any()


def test_a_text_is_whole_on_disk_or_not_there(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    sounds = [np.random.default_rng(i).normal(size=1200).astype(np.float32) for i in range(3)]
    about = {
        "durations": np.array([1, 1], np.int16),
        "timbres": np.array(["a", "b", "0.5*a+0.5*b"]),
        "pitch": np.zeros((3, 4), np.float16),
    }
    parallel.save(tmp_path, 7, sounds, about)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00007.flac", "00007.npz"]
    back, rate = soundfile.read(tmp_path / "00007.flac", always_2d=True)
    assert (back.shape, rate) == ((1200, 3), teacher.RATE)
    np.testing.assert_allclose(back[:, 1], parallel.level(sounds[1]), atol=1e-4)
    assert parallel.hours(tmp_path) == pytest.approx(2 * 600 * 3 / 24_000 / 3600)


PHONEMES = "ˌI wˈɔTəɹd ðə plˈænts, ˈændɹu."


def test_letters_get_the_times_of_their_phones():
    durations = list(range(2, len(PHONEMES) + 4))
    prepared = "i watered the plants, andrew."
    found = alignment.pairs(prepared, PHONEMES, durations)
    assert found is not None
    assert [name for name, _ in found] == ["i", "watered", "the", "plants", "andrew"]
    assert [s[0] for s in found[1][1]] == ["w", "ao", "t", "er", "d"]
    assert [s[1] for s in found[1][1]] == [False, True, False, False, False]
    table = learn({(name, tuple(s[0] for s in segments)): 1 for name, segments in found})
    letters = alignment.letters(Aligner(table), prepared, PHONEMES, durations)
    assert letters is not None
    assert len(letters) == len(prepared)
    times = [x for letter in letters for x in (letter.start, letter.end)]
    assert times == sorted(times)
    assert letters[0].start == pytest.approx(durations[0] * 0.025)
    assert letters[-1].end <= sum(durations) * 0.025 + 1e-9


def test_texts_that_do_not_match_are_not_aligned():
    durations = [1] * (len(PHONEMES) + 2)
    assert alignment.pairs("one word", PHONEMES, durations) is None
    with pytest.raises(ValueError, match="durations for"):
        alignment.words(PHONEMES, durations[1:])


@given(st.text(sorted(alignment.PHONE_OF) + list(alignment.STRESS) + list(" .,?!x")), st.data())
def test_words_of_any_string_run_forward(phonemes, data):
    durations = data.draw(
        st.lists(st.integers(0, 20), min_size=len(phonemes) + 2, max_size=len(phonemes) + 2)
    )
    times = [t for _, segments in alignment.words(phonemes, durations) for s in segments for t in s[2:]]
    assert times == sorted(times)
    assert all(0 <= t <= sum(durations) * alignment.FRAME_SECONDS + 1e-9 for t in times)


def test_the_curve_is_read_at_the_frames_and_is_zero_where_unvoiced():
    given_curve = np.array([5.0, 100.0, 110.0, 120.0, 5.0, 5.0])
    at = analysis.pitch_at_frames(given_curve, 8)
    assert at.shape == (8,)
    assert not at[:2].any()
    assert not at[5:].any()
    assert (np.diff(at[2:5]) >= 0).all()
    assert at[2] == pytest.approx(100.0, rel=0.02)
    assert not analysis.pitch_at_frames(np.full(4, 5.0), 8).any()


def test_frames_hold_a_tone_and_give_it_back():
    pytest.importorskip("pyworld")
    time = np.arange(24_000) / teacher.RATE
    tone = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 30)) * 0.1
    frames = analysis.analyse(tone, np.full(80, 150.0))
    assert frames.shape == (100, analysis.WIDTH)
    inner = frames[10:90].astype(np.float32)
    np.testing.assert_allclose(np.exp(inner[:, 0]), 150, rtol=0.01)
    assert inner[:, 1].all()
    back = analysis.synthesise(frames)
    assert np.sqrt(np.mean(back[4000:20000] ** 2)) == pytest.approx(np.sqrt(np.mean(tone**2)), rel=0.15)


def test_silence_has_a_floor_that_distances_do_not_fall_through():
    pytest.importorskip("pyworld")
    from pyworld import decode_spectral_envelope

    frames = analysis.analyse(np.zeros(9600), np.full(32, 5.0))
    cepstra = np.ascontiguousarray(frames[:, 2 : 2 + analysis.CEPSTRA], np.float64)
    decibels = 10 * np.log10(decode_spectral_envelope(cepstra, teacher.RATE, analysis.FFT))
    np.testing.assert_allclose(decibels, analysis.FLOOR, atol=0.5)


# The codes.

SAID = "“wˌʌt, ðə plˈænts?”"


def test_every_phone_of_a_text_has_a_label_and_a_time():
    durations = [10, 2, 1, 1, 1, 1, 4, 2, 1, 2, 3, 2, 1, 1, 4, 1, 1, 2, 5, 1, 1]
    parts = codes.segments(SAID, durations)
    assert [part.label for part in parts] == [
        codes.NUMBER[name] for name in ["#", "w", "ʌ", "t", "#", "ð", "ə", "p", "l", "ˈæ", "n", "t", "s", "#"]
    ]
    assert parts[0].end == 12 * 25.0
    assert parts[-1].end == sum(durations) * 25.0
    assert all(one.end == two.start for one, two in pairwise(parts))
    assert parts[2].end - parts[2].start == 50.0  # a stress mark's time is its vowel's
    assert parts[6].end - parts[6].start == 50.0 + 37.5  # half a space is the word's before it
    assert len(codes.NUMBER) <= codes.LABELS
    assert codes.LABELS * codes.PLACES * codes.LEVELS == 6561


def test_quick_phones_get_a_token_each_and_boundaries_are_told():
    quick = [codes.Segment(label, 25.0 * i, 25.0 * (i + 1)) for i, label in enumerate([7, 8, 9])]
    parts = [codes.Segment(0, -200.0, 0.0), *quick, codes.Segment(10, 75.0, 200.0)]
    parts = [codes.Segment(p.label, p.start + 200, p.end + 200) for p in parts]
    path = codes.assign(parts, 10)
    assert sorted(set(path.tolist())) == [0, 1, 2, 3, 4]
    assert (np.diff(path) >= 0).all()
    ends = [parts[i].end / 40 - (t + 1) for t, i in enumerate(path)]
    for token, place in enumerate(codes.places(parts, path)[:-1]):
        if path[token] == path[token + 1]:
            assert place == 1
        else:
            assert place == 1 + (ends[token] > 1 / 6) - (ends[token] < -1 / 6)


@given(st.lists(st.tuples(st.integers(1, 80), st.integers(1, 12)), min_size=1, max_size=30))
def test_tokens_run_through_the_parts_in_order(rows):
    ends = np.cumsum([count for _, count in rows]) * 25.0
    starts = ends - [count * 25.0 for _, count in rows]
    parts = [codes.Segment(label, *times) for (label, _), *times in zip(rows, starts, ends, strict=True)]
    tokens = max(1, int(ends[-1] // 40))
    path = codes.assign(parts, tokens)
    assert path.shape == (tokens,)
    assert ((np.diff(path) >= 0) & (np.diff(path) <= 3)).all()
    assert path[0] >= 0
    assert path[-1] < len(parts)


def test_a_melody_is_the_same_in_high_and_low_voices():
    led = curve(200, 0.1)
    low = np.where(led > 40, np.exp(np.log(110) + 1.3 * (np.log(led) - np.log(200))), led)
    made = []
    for pitch in (led, low):
        voice = codes.Voice.of(pitch)
        made.append(codes.levels(codes.contour(pitch, voice), 62))
    np.testing.assert_array_equal(*made)
    assert set(made[0][16:24]) == {codes.UNVOICED}
    assert len(set(made[0].tolist())) > 8
    voice = codes.Voice.of(led)
    back = np.exp(voice.height + voice.range * codes.melody()[made[0][:15] - 1])
    given = np.interp(np.arange(15) * 40 + 20, np.arange(50) * 12.5 + 6.25, led[:50])
    np.testing.assert_allclose(back, given, rtol=0.08)
    assert codes.Voice.of(led[:10]).height == pytest.approx(np.log(170))


def test_a_code_is_one_number_and_back():
    numbers = np.arange(6561)
    parts = codes.part(numbers)
    np.testing.assert_array_equal(codes.join(parts), numbers)
    assert parts.max(0).tolist() == [80, 2, 26]


def test_a_voice_is_measured_by_how_it_follows_the_leader():
    melody = np.sin(np.arange(300) / 9)
    found = melodies.voice_of(5.0 + 0.2 * melody, np.ones(300, bool), melody, codes.Voice(4.0, 0.1))
    assert (found.height, found.range) == (pytest.approx(5.0), pytest.approx(0.2))
    few = melodies.voice_of(np.full(300, 5.0), np.arange(300) < 5, melody, codes.Voice(4.0, 0.1))
    assert few.range == 0.1
    drawn = melodies.at_frames(np.array([np.nan, 1.0, np.nan, np.nan, 2.0]), 6)
    assert (np.diff(drawn) >= 0).all()
    assert drawn[[0, 5]].tolist() == pytest.approx([1.0, 1.8333333])


def test_what_is_kept_says_the_same_again():
    pytest.importorskip("torch")
    from voice import keep

    rng = np.random.default_rng(2)
    state = {
        "big": rng.normal(size=(60, 40, 3)).astype(np.float32),
        "small": rng.normal(size=9).astype(np.float32),
    }
    rows = dict(keep.packed(state, 127))
    assert rows["big"].dtype == np.int8
    back = keep.unpacked(rows)
    np.testing.assert_array_equal(back["small"], state["small"])
    np.testing.assert_allclose(back["big"], state["big"], atol=np.abs(state["big"]).max() / 250)
    voices = {name: codes.Voice(np.log(120 + 20 * i), 0.2) for i, name in enumerate(timbres.LEADING)}
    curves = [curve(130 + 20 * i, 0.15, seed=i) for i in range(3)]
    halves = np.array([len(x) for x in curves])
    levels = keep.levels_of(halves, np.concatenate(curves), voices)
    again = [
        keep.curve_of(part, count, voices[name])
        for part, count, name in zip(np.split(levels, 3), halves, timbres.LEADING, strict=False)
    ]
    np.testing.assert_array_equal(keep.levels_of(halves, np.concatenate(again), voices), levels)


# The decoder.


def some_texts(folder: Path, count: int) -> None:
    """`count` texts of three voices, as stages time, speak and analyse leave them."""
    rng = np.random.default_rng(0)
    for name in ("speech", "frames"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "leaders.json").write_text(
        json.dumps({name: {"height": 5.0, "range": 0.2} for name in timbres.LEADING})
    )
    for index in range(count):
        durations = np.array([8, *[3] * len(SAID), 8], np.int16)
        tokens = int(durations.sum()) * 600 // 960
        pitch = np.stack([curve(height, 0.1) for height in (100, 150, 210)])
        pitch = np.tile(pitch, 3)[:, : 2 * durations.sum()].astype(np.float16)
        np.savez(
            folder / f"speech/{index:05d}.npz", phonemes=SAID, durations=durations, pitch=pitch,
            timbres=np.array(["af_heart", "a", "b"]),
        )  # fmt: skip
        frames = rng.normal(-5, 2, (3, tokens * 4, analysis.WIDTH))
        frames[..., 1] = np.arange(tokens * 4) % 20 < 14
        mels = rng.normal(-4, 2, (3, tokens * 2, 80))
        np.savez(
            folder / f"frames/{index:05d}.npz", frames=frames.astype(np.float16), mels=mels.astype(np.float16)
        )


def test_a_decoder_gives_all_frames_of_codes_in_a_timbre():
    torch = pytest.importorskip("torch")
    pytest.importorskip("pyworld")
    from voice import decoder as networks

    net, speaker, scaling = networks.Decoder(), networks.Speaker(), networks.Scaling()
    said = torch.from_numpy(codes.part(np.random.default_rng(0).integers(0, 6561, (2, 6))).astype(np.int64))
    timbre = torch.cat([torch.zeros(2, 2), speaker(torch.randn(2, 50, 80))], -1)
    assert timbre.shape == (2, networks.TIMBRE)
    got = net(said, timbre)
    assert got.shape == (2, 24, analysis.WIDTH)
    wanted = torch.randn_like(got)
    wanted[..., 1] = (wanted[..., 1] > 0).float()
    networks.loss_of(scaling, wanted, got).backward()
    assert all(p.grad is not None for p in [*net.parameters(), *speaker.parameters()])
    verdict, inner = networks.Critic()(scaling.picture(got))
    assert len(inner) == 4
    assert torch.isfinite(verdict).all()


def test_frames_at_a_boundary_belong_to_the_phone_that_has_begun():
    torch = pytest.importorskip("torch")
    from voice.decoder import frame_labels

    said = torch.tensor([[[1, 0, 0], [2, 2, 0], [3, 1, 0], [3, 1, 0]]])
    assert frame_labels(said)[0].tolist() == [1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3]


def test_a_decoder_that_was_stopped_ends_where_an_unbroken_one_does(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("pyworld")
    from voice import decoder_training
    from voice.trainer import Schedule

    training = decoder_training.Training(Schedule(4, 1e-3, 1), critic_from=2)
    monkeypatch.setattr(decoder_training, "SAVE_EVERY", 1)
    for folder in ("whole", "broken"):
        some_texts(tmp_path / folder, decoder_training.HELD + 2)
    some_texts(tmp_path / "few", 3)
    decoder_training.run(tmp_path / "whole", training)

    def stop(step, schedule):
        if step == 3:
            raise KeyboardInterrupt
        return rate(step, schedule)

    rate = decoder_training.rate_at
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(decoder_training, "rate_at", stop)
        decoder_training.run(tmp_path / "broken", training)
    decoder_training.run(tmp_path / "broken", training)
    whole, broken = (decoder_training.load(tmp_path / folder) for folder in ("whole", "broken"))
    for one, other in zip(whole, broken, strict=True):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name
    with pytest.raises(RuntimeError, match=r"3 analysed texts, 8 of which are held out"):
        decoder_training.run(tmp_path / "few", training)


def test_the_vocoder_says_what_worlds_own_synthesis_says():
    pytest.importorskip("pyworld")
    from voice import vocoder

    time = np.arange(24_000) / teacher.RATE
    tone = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 30)) * 0.1
    frames = analysis.analyse(tone, np.full(80, 150.0)).astype(np.float32)
    [made] = run(vocoder.graph(), frames=frames[None])
    known = analysis.synthesise(frames)
    assert made.shape == (24_000,)
    power = [np.abs(np.fft.rfft(sound[4096:20480])) ** 2 for sound in (made, known)]
    bands = [np.add.reduceat(p, np.arange(0, 2870, 205))[:14] for p in power]  # 300 Hz each
    louder = vocoder.LOUDER**2
    np.testing.assert_allclose(10 * np.log10(bands[0] / bands[1] / louder), 0, atol=2.5)
    np.testing.assert_array_equal(made, run(vocoder.graph(), frames=frames[None])[0])


# The language model.


def test_a_coded_text_begins_just_before_its_first_phone():
    said = np.zeros((40, 3), np.uint8)
    said[12:30, 0] = 5
    first, end = coded.trimmed(said, 12 * 0.04)
    assert (first, end) == (10, 30 + coded.TAIL)
    assert coded.trimmed(np.zeros((7, 3), np.uint8), 0.0) == (0, 7)


def test_events_stand_where_tags_may(monkeypatch):
    pytest.importorskip("torch")
    from voice import speech_training
    from voice.items import FIRST_LETTER, SYMBOL_OF, Item

    def item(symbols: list[int], first: int, tokens: int) -> Item:
        times = np.linspace(2, tokens, len(symbols) + 1, dtype=np.float32)
        phones = np.zeros((len(symbols), 3), np.uint8)
        return Item(np.array(symbols, np.uint8), times[:-1], times[1:], phones, first, tokens)

    texts = [item([SYMBOL_OF[c] for c in "so it is."], 10 * n, 10) for n in range(40)]
    tag = [item([17], 400 + 8 * n, 8) for n in range(6)]
    leader = np.array([n % 6 for n in range(40)] + list(range(6)), np.uint8)
    made = np.arange(448 * 3).reshape(448, 3).astype(np.uint8)
    sampler = speech_training.Sampler(coded.Coded([*texts, *tag], made, leader))
    monkeypatch.setattr(speech_training, "_EVENT", 1.0)
    lengths, places = set(), set()
    for seed in range(30):
        for sample, who in sampler.batch(np.random.default_rng(seed)):
            at = np.flatnonzero(sample.symbols < FIRST_LETTER)
            assert len(at) == 1 and sample.symbols[at[0]] == 17
            own = made[400 + 8 * who : 408 + 8 * who]
            first = round(float(sample.start[at[0]])) - 2
            np.testing.assert_array_equal(sample.codes[first : first + 8], own)
            lengths.add(len(sample.codes)), places.add((first > 0, first + 8 < len(sample.codes)))
    assert lengths >= {8, 18} and places == {(False, False), (False, True), (True, False), (True, True)}


def test_a_language_model_learns_a_text_by_heart():
    torch = pytest.importorskip("torch")
    from voice.items import SYMBOL_OF, Item
    from voice.samples import join, sample_of
    from voice.speech_model import OUTPUTS, Speech
    from voice.speech_training import SpeechLoss
    from voice.text_encoder import TextEncoder

    torch.manual_seed(0)
    symbols = np.array([SYMBOL_OF[c] for c in "so it is."], np.uint8)
    times = np.arange(len(symbols) + 1, dtype=np.float32) * 2
    item = Item(symbols, times[:-1], times[1:], np.zeros((len(symbols), 3), np.uint8), 0, 20)
    said = codes.part(np.random.default_rng(1).integers(0, 6561, 20))
    one = sample_of(item, said)
    two = join([one, one])
    assert two.codes.shape == (40, 3)
    encoder, model = TextEncoder(), Speech()
    assert model.head.out_features == OUTPUTS == 81 + 3 + 27 + 1
    maker = torch.optim.AdamW([*encoder.parameters(), *model.parameters()], 2e-3)
    losses = []
    for _ in range(12):
        loss = SpeechLoss(encoder, model, [(one, 0), (two, 3)], None).loss
        maker.zero_grad(), loss.backward(), maker.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]
