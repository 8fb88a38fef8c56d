"""Speaks a text: raw float32 samples on standard output while they are made. Python's own ctypes, no package.

usage: LOQUOR_LIBRARY=libloquor.so.5 speak.py RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_void_p

DONE = 8  # LOQUOR_DONE


class Request(ctypes.Structure):
    """loquor_request."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("input_ids", c_void_p),
        ("input_id_count", c_size_t),
        ("voice", c_void_p),
        ("options", c_void_p),
        ("cancel", c_void_p),
        ("progress", c_void_p),
        ("progress_user", c_void_p),
        ("text", c_char_p),
    )


class Chunk(ctypes.Structure):
    """loquor_chunk."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("samples", POINTER(c_float)),
        ("count", c_size_t),
        ("sample_rate", c_int32),
        ("first_token", c_int64),
        ("token_count", c_int64),
    )


class CallError(Exception):
    """A call that did not return LOQUOR_OK: its status, and what it says."""


def main(runtime_library: str, bundle: str, voice_name: str, text: str) -> int:
    library = ctypes.CDLL(os.environ["LOQUOR_LIBRARY"])
    library.loquor_last_error.restype = library.loquor_stream_warning.restype = c_char_p

    def checked(status: int) -> None:
        if status != 0:
            raise CallError(status, library.loquor_last_error().decode())

    runtime, engine, voice, stream = c_void_p(), c_void_p(), c_void_p(), c_void_p()
    try:
        checked(library.loquor_runtime_open(runtime_library.encode(), byref(runtime)))
        checked(library.loquor_engine_open(runtime, bundle.encode(), None, byref(engine)))
        checked(library.loquor_engine_get_voice(engine, voice_name.encode(), byref(voice)))
        request = Request(struct_size=ctypes.sizeof(Request), voice=voice)
        checked(
            library.loquor_engine_stream_text(
                engine, text.encode(), None, byref(request), None, byref(stream)
            )
        )
        place = 0
        while warning := library.loquor_stream_warning(stream, c_size_t(place)):
            print(f"speak: warning: {warning.decode()}", file=sys.stderr)
            place += 1
        chunk = Chunk(struct_size=ctypes.sizeof(Chunk))
        while (status := library.loquor_stream_next(stream, c_double(-1), byref(chunk))) == 0:
            sys.stdout.buffer.write(ctypes.string_at(chunk.samples, chunk.count * ctypes.sizeof(c_float)))
            sys.stdout.buffer.flush()
        checked(0 if status == DONE else status)
    except CallError as failure:
        status, told = failure.args
        print(f"speak: {told}", file=sys.stderr)
        return int(status)
    finally:
        library.loquor_stream_destroy(stream)
        library.loquor_voice_destroy(voice)
        library.loquor_engine_close(engine)
        library.loquor_runtime_close(runtime)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
