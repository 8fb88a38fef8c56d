"""The plain reference against hand-made cases: its sampler, its random numbers, and how its loop ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bundles import make_bundle
from reference import PlainLoop, SamplingOptions, Voice, draw, process, uniform

INF = np.inf
TEXT_IDS = [84, 200, 39, 68, 75, 75, 78, 50271, 13, 50256, 50256]


def logits_of(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def with_off(**changes: float) -> SamplingOptions:
    """Options with everything off but a temperature of 1 and the given ones."""
    return SamplingOptions(**{"temperature": 1.0, "repetition_penalty": 1.0} | changes)


def kept(logits: NDArray[np.float32], **changes: float) -> list[int]:
    return np.flatnonzero(np.isfinite(process(logits, [], with_off(**changes)))).tolist()


def test_everything_off_changes_nothing() -> None:
    logits = logits_of(1.5, -2, 0, 7)
    np.testing.assert_array_equal(process(logits, [0, 1], with_off()), logits)


def test_temperature_divides_in_single_precision() -> None:
    logits = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    expected = logits / np.float32(0.8)
    np.testing.assert_array_equal(process(logits, [], with_off(temperature=0.8)), expected)


def test_top_k_keeps_ties_with_the_last() -> None:
    logits = logits_of(3, 1, 2, 2, 2, 0)
    assert kept(logits, top_k=1) == [0]
    assert kept(logits, top_k=2) == [0, 2, 3, 4]
    assert kept(logits, top_k=5) == [0, 1, 2, 3, 4]
    assert kept(logits, top_k=6) == kept(logits, top_k=99) == list(range(6))


def test_top_p_removes_the_unlikely_tail_and_keeps_one() -> None:
    logits = np.log(np.array([0.5, 0.125, 0.25, 0.125])).astype(np.float32)
    assert kept(logits, top_p=0.6) == [0, 2]
    assert kept(logits, top_p=0.8) == [0, 2, 3]  # of equals the lower id goes first
    assert kept(logits, top_p=0.3) == [0]
    assert kept(logits, top_p=0.0) == [0]
    assert kept(logits_of(0, 0), top_p=0.5) == [1]  # a cumulative probability equal to 1 - p goes


def test_min_p_is_relative_to_the_most_likely() -> None:
    logits = np.log(np.array([0.6, 0.2, 0.15, 0.05])).astype(np.float32)
    assert kept(logits, min_p=0.3) == [0, 1]
    assert kept(logits, min_p=0.2) == [0, 1, 2]
    assert kept(logits, min_p=1.0) == [0]


def test_penalty_counts_an_id_once_and_knows_signs() -> None:
    logits = logits_of(2, -2, 0, 4, -INF)
    out = process(logits, [0, 1, 0, 0, 4, 2], SamplingOptions(repetition_penalty=2.0))
    np.testing.assert_array_equal(out, [1, -4, 0, 4, -INF])
    np.testing.assert_array_equal(logits, [2, -2, 0, 4, -INF])


def test_penalty_comes_after_the_filters() -> None:
    """Before them, a penalised best token would have lost its place to the second."""
    logits = logits_of(2, 1.5, 0)
    out = process(logits, [0], with_off(top_k=1, repetition_penalty=4.0))
    np.testing.assert_array_equal(out, [0.5, -INF, -INF])


def test_temperature_comes_before_top_p() -> None:
    logits = logits_of(2, 1, 0)
    assert kept(logits, temperature=0.1, top_p=0.9) == [0]
    assert kept(logits, temperature=10.0, top_p=0.9) == [0, 1, 2]


def test_greedy_ignores_the_filters() -> None:
    options = SamplingOptions(0.0, top_k=1, top_p=0.1, min_p=0.9, repetition_penalty=1.0)
    np.testing.assert_array_equal(process(logits_of(1, 2, 3), [], options), [1, 2, 3])


def test_draw_inverts_the_cumulative_distribution() -> None:
    logits = np.log(np.array([0.25, 0.5, 0.25])).astype(np.float32)
    assert [draw(logits, u) for u in (0.0, 0.2, 0.3, 0.7, 0.8, 1 - 2**-24)] == [0, 0, 1, 1, 2, 2]
    exact = logits_of(0, 0, 0, 0)
    assert [draw(exact, u) for u in (0.25, 0.5, 0.75)] == [1, 2, 3]  # exceeds, not reaches
    assert draw(logits_of(-INF, 0, -INF, 0), 0.0) == 1
    assert draw(logits_of(-INF, 0, -INF, 0, -INF), 1 - 2**-24) == 3


def test_draws_are_distributed_as_the_probabilities() -> None:
    logits = logits_of(0, 1, 2, -1)
    drawn = [draw(logits, uniform(3, step)) for step in range(4000)]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.bincount(drawn) / 4000, probabilities, atol=0.03)


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Philox4x64-10 in plain integers, from the paper's description of round and key schedule."""
    mask = (1 << 64) - 1
    k0, k1 = key
    c0, c1, c2, c3 = counter
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & mask, (p0 >> 64) ^ c3 ^ k1, p0 & mask
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & mask, (k1 + 0xBB67AE8584CAA73B) & mask
    return c0, c1, c2, c3


def test_scalar_philox_knows_the_published_answer() -> None:
    """The all-zero vector of the Random123 distribution's known answers."""
    expected = (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)
    assert philox((0, 0), (0, 0, 0, 0)) == expected


@pytest.mark.parametrize("seed", [0, 1, 42, 2**63, 2**64 - 1])
@pytest.mark.parametrize("step", [0, 1, 2, 1000, 2**32, 2**64 - 1])
def test_uniform_is_the_first_word_of_the_block(seed: int, step: int) -> None:
    word = philox((seed, 0), (step, 0, 0, 0))[0]
    assert uniform(seed, step) == (word >> 40) / 2**24
    assert 0 <= uniform(seed, step) < 1


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainLoop:
    return PlainLoop(make_bundle(tmp_path_factory.mktemp("plain") / "bundle", stop_bias=4.0), threads=1)


@pytest.fixture(scope="module")
def voice(plain: PlainLoop) -> Voice:
    samples = np.random.default_rng(0).standard_normal(24_000) * np.linspace(0, 0.2, 24_000)
    return plain.encode(samples.astype(np.float32))


def test_greedy_is_the_best_penalised_token_at_every_step(plain: PlainLoop, voice: Voice) -> None:
    tokens = plain.generate(TEXT_IDS, voice, max_new_tokens=30, repetition_penalty=1.5)
    assert len(tokens) > 5
    steps = plain.steps(TEXT_IDS, voice)
    logits, history = next(steps), [6561]
    for token in tokens:
        for seen in set(history):
            logits[seen] = logits[seen] * 1.5 if logits[seen] < 0 else logits[seen] / 1.5
        assert token == int(np.argmax(logits))
        history.append(token)
        logits = steps.send(token)


def test_a_run_is_a_prefix_of_a_longer_one_and_stops_by_itself(plain: PlainLoop, voice: Voice) -> None:
    whole = plain.generate(TEXT_IDS, voice, max_new_tokens=1000)
    assert 3 < len(whole) < 1000
    assert 6562 not in whole
    for limit in (0, 1, len(whole) - 1, len(whole), len(whole) + 1):
        assert plain.generate(TEXT_IDS, voice, max_new_tokens=limit) == whole[:limit]


def constant_steps(monkeypatch: pytest.MonkeyPatch, plain: PlainLoop, **logits: float) -> None:
    """Makes every step return the same logits, all others -20; `t5=1.0` names id 5."""
    row = np.full(6563, -20, np.float32)
    for name, value in logits.items():
        row[int(name[1:])] = value

    def steps(*_: object) -> Iterator[NDArray[np.float32]]:
        while True:
            yield row

    monkeypatch.setattr(plain, "steps", steps)


def test_greedy_penalises_start_at_every_step(
    plain: PlainLoop, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    constant_steps(monkeypatch, plain, t10=5.0, t20=3.0, t6561=6.0)
    tokens = plain.generate(TEXT_IDS, voice, max_new_tokens=3, repetition_penalty=3.0)
    assert tokens == [10, 20, 6561]


def test_sampling_penalises_start_at_the_first_step_only(
    plain: PlainLoop, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First START falls from 6 to 2, so id 10 has 95 %; then id 10 falls to 1.7 and START has 99 %."""
    constant_steps(monkeypatch, plain, t10=5.0, t6561=6.0)
    options = {"temperature": 1.0, "repetition_penalty": 3.0}
    tokens = plain.generate(TEXT_IDS, voice, max_new_tokens=2, uniforms=[0.5, 0.2], **options)
    assert tokens == [10, 6561]


def test_seeds_decide(plain: PlainLoop, voice: Voice) -> None:
    def run(seed: int) -> list[int]:
        uniforms = [uniform(seed, step) for step in range(20)]
        return plain.generate(TEXT_IDS, voice, max_new_tokens=20, temperature=0.8, uniforms=uniforms)

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_sampling_without_numbers_is_refused(plain: PlainLoop, voice: Voice) -> None:
    with pytest.raises(ValueError, match="uniform"):
        plain.generate(TEXT_IDS, voice, max_new_tokens=1, temperature=0.5)


def test_no_finite_logit_ends_the_run(
    plain: PlainLoop, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps(*_: object) -> Iterator[NDArray[np.float32]]:
        yield logits_of(*[0.0] * 6563)
        yield np.full(6563, -INF, np.float32)

    monkeypatch.setattr(plain, "steps", steps)
    assert plain.generate(TEXT_IDS, voice, max_new_tokens=9) == [0]


def test_decode_appends_silence_to_the_codes(plain: PlainLoop, voice: Voice) -> None:
    explicit = plain.decode([5, 6, 4299, 4299, 4299], voice)
    np.testing.assert_array_equal(plain.decode([5, 6561, 6, 6562], voice), explicit[: 960 * 5])


def test_precision_picks_the_files(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, dtype="q4")
    assert PlainLoop(bundle, "q4").language_model is not None
    with pytest.raises(Exception, match=r"language_model|speech_encoder"):
        PlainLoop(bundle, "fp32")
