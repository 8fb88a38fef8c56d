"""The compiled module: what it takes, what it keeps, and what it says at the end."""

from __future__ import annotations

import array
import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from loquor import CancelToken, Engine, InvalidInputError, LoquorError, Voice, _core
from loquor.base.runtime import open_runtime
from loquor.voice.voice import _ARRAYS

IDS = np.array([5, 7, 9, 50256, 50256])


@pytest.fixture(scope="module")
def engine(engine_of: Callable[..., Engine]) -> Engine:
    return engine_of()


@pytest.fixture(scope="module")
def voice(engine: Engine, recording: NDArray[np.float32]) -> Voice:
    return engine.voice((recording, 24_000))


@pytest.fixture(scope="module")
def tensors(voice: Voice) -> dict[str, NDArray[Any]]:
    return {field: getattr(voice, field) for field in _ARRAYS}


@pytest.fixture(scope="module")
def stream_of(engine: Engine, voice: Voice) -> Callable[..., _core.StreamHandle]:
    def make(ids: Any = IDS, *args: Any, **given: Any) -> _core.StreamHandle:
        options, chunks = engine._loaded.defaults, engine._loaded.stream_defaults
        handle = engine._loaded.handle(voice)
        return _core.StreamHandle(
            engine._loaded.core(), ids, handle, options, chunks | given.pop("chunks", {}), *args, **given
        )

    return make


# --- Arrays in ---


def others(right: NDArray[Any]) -> list[Any]:
    """The same numbers as what is no numpy array of this type in C order."""
    strided = np.repeat(right, 2, axis=-1)[..., ::2]
    assert not strided.flags.c_contiguous
    code = {"f": "f", "i": "q"}[right.dtype.kind]
    return [
        right.tolist(),
        None,
        right.tobytes(),
        memoryview(right.copy()),
        right.copy().__dlpack__(),
        array.array(code, right.ravel().tolist()),
        strided,
        right[..., ::-1],
        right.astype(right.dtype.newbyteorder()),
        right.astype(np.float64),
        right.astype(np.int32),
        right.astype(bool),
        right.astype(object),
    ]


@pytest.mark.parametrize("field", _ARRAYS)
def test_only_numpys_arrays_of_the_type_in_c_order_are_taken(
    tensors: dict[str, NDArray[Any]], field: str
) -> None:
    for wrong in others(tensors[field]):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            _core.VoiceHandle(**(tensors | {field: wrong}))
    read_only, own = tensors[field], tensors[field].copy()
    assert not read_only.flags.writeable
    unaligned = np.frombuffer(b"\0" + own.tobytes(), own.dtype, offset=1).reshape(own.shape)
    for right in (read_only, own, own.view(np.ma.MaskedArray), unaligned):
        told = _core.VoiceHandle(**(tensors | {field: right})).tensors()[field]
        np.testing.assert_array_equal(told, own)
        assert told.flags.owndata and told.flags.writeable


def test_an_array_of_another_rank_is_refused(tensors: dict[str, NDArray[Any]]) -> None:
    for field, right in tensors.items():
        with pytest.raises(InvalidInputError, match=f"{field} should have {right.ndim} ax[ei]s"):
            _core.VoiceHandle(**(tensors | {field: right[None]}))


@given(
    wrong=hnp.arrays(
        hnp.scalar_dtypes() | hnp.unicode_string_dtypes() | hnp.array_dtypes(), hnp.array_shapes(min_dims=0)
    )
)
def test_any_other_array_is_a_typed_error(
    engine: Engine, voice: Voice, stream_of: Callable[..., _core.StreamHandle], wrong: NDArray[Any]
) -> None:
    handle, core = engine._loaded.handle(voice), engine._loaded.core()
    for call in (
        lambda: core.decode(wrong, handle, 0),
        lambda: stream_of(wrong).cancel(),
        lambda: _core.keep_prefix(core, handle, wrong),
    ):
        try:
            call()
        except (TypeError, LoquorError):
            continue
        assert wrong.dtype == np.int64 and wrong.ndim == 1  # some ids are some


# --- Numbers and texts ---


@pytest.mark.parametrize("seed", [1, True, np.int64(1), np.uint8(1), np.array(1)])
def test_a_whole_number_of_any_kind_is_one(engine: Engine, voice: Voice, seed: Any) -> None:
    core, handle = engine._loaded.core(), engine._loaded.handle(voice)
    expected = core.decode(IDS[:3], handle, 1)[0]
    np.testing.assert_array_equal(core.decode(IDS[:3], handle, seed)[0], expected)


@pytest.mark.parametrize("seed", [1.0, np.float64(1), "1", b"1", None, 1j, -1, 2**64])
def test_what_is_no_seed_is_a_type_error(engine: Engine, voice: Voice, seed: Any) -> None:
    with pytest.raises(TypeError, match="incompatible function arguments"):
        engine._loaded.core().decode(IDS[:3], engine._loaded.handle(voice), seed)


@pytest.mark.parametrize("text", [None, 3, b"auto", "\udc80"])
def test_what_is_no_text_is_a_type_error(text: Any) -> None:
    for call in (_core.parse_dtype, _core.read_bundle, _core.Runtime, _core.option_table):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            call(text)


def test_an_option_of_another_type_is_said_to_be_our_fault(
    stream_of: Callable[..., _core.StreamHandle],
) -> None:
    with pytest.raises(LoquorError, match="adaptive came to the core as no bool"):
        stream_of(chunks={"adaptive": "yes"})
    with pytest.raises(KeyError, match="dtype"):
        _core.EngineHandle(open_runtime(), "no bundle", {})


# --- What is kept ---


def test_a_stream_that_its_own_callback_holds_is_collected(
    stream_of: Callable[..., _core.StreamHandle],
) -> None:
    """It held its engine for ever."""

    def held_by_itself() -> weakref.ref[_core.StreamHandle]:
        streams: list[_core.StreamHandle] = []
        streams.append(stream_of(progress=lambda _: streams.clear()))
        return weakref.ref(streams[0])

    seen = held_by_itself()
    gc.collect()
    assert seen() is None


def test_a_stream_holds_what_it_was_given(stream_of: Callable[..., _core.StreamHandle]) -> None:
    token = CancelToken()
    seen = weakref.ref(token)
    stream = stream_of(cancel=token)
    del token
    gc.collect()
    assert seen() is not None
    del stream
    assert seen() is None


def test_an_object_that_was_never_made_is_refused() -> None:
    class Mine(CancelToken):
        def __init__(self) -> None:
            pass

    for made in (CancelToken.__new__(CancelToken), Mine()):
        with pytest.warns(RuntimeWarning, match="uninitialized"), pytest.raises(TypeError):
            made.cancel()


# --- The end of the process ---

ENDS = {
    "a daemon thread in a call": """
import threading, time
def listen():
    for _ in engine.stream("Hello there, this is said for a while. " * 9):
        heard.set()
heard = threading.Event()
threading.Thread(target=listen, daemon=True).start()
assert heard.wait(60)
""",
    "a reference in a cycle": "engine.me = lambda: engine",
    "a reference that is never dropped": "import ctypes; ctypes.pythonapi.Py_IncRef(ctypes.py_object(token))",
}


@pytest.mark.parametrize("scene", ENDS)
def test_the_end_is_silent(scene: str) -> None:
    program = f"import loquor; engine = loquor.Engine('mini'); token = loquor.CancelToken()\n{ENDS[scene]}"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
