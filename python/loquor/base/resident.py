"""How much of this process is in memory, by what each system tells."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

__all__ = ["resident"]

_STATUS = Path("/proc/self/status")


def resident() -> tuple[int | None, int | None]:
    """Bytes of this process in memory now, and at most so far; None where the system does not tell."""
    if sys.platform == "win32":
        return _by_windows()
    if sys.platform == "darwin":
        return _by_mach()
    sizes: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith(("VmRSS:", "VmHWM:")):
                sizes[line[:5]] = int(line.split()[1]) * 1024
    return sizes.get("VmRSS"), sizes.get("VmHWM") or _most()


def _most() -> int | None:
    with contextlib.suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return None


if sys.platform == "win32":
    from ctypes import wintypes

    class _Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = (
            ("size", wintypes.DWORD),
            ("faults", wintypes.DWORD),
            ("peak_working_set", ctypes.c_size_t),
            ("working_set", ctypes.c_size_t),
            ("others", ctypes.c_size_t * 6),
        )

    def _by_windows() -> tuple[int | None, int | None]:
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        ask = kernel.K32GetProcessMemoryInfo
        ask.argtypes = (wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD)
        told = _Counters(size=ctypes.sizeof(_Counters))
        if not ask(kernel.GetCurrentProcess(), ctypes.byref(told), told.size):
            return None, None
        return told.working_set, told.peak_working_set


if sys.platform == "darwin":

    class _TaskInfo(ctypes.Structure):
        """mach_task_basic_info, which is packed to four bytes."""

        _pack_ = 4
        _fields_ = (
            ("virtual", ctypes.c_uint64),
            ("resident", ctypes.c_uint64),
            ("most", ctypes.c_uint64),
            ("others", ctypes.c_int32 * 6),
        )

    def _by_mach() -> tuple[int | None, int | None]:
        system = ctypes.CDLL(None)
        told = _TaskInfo()
        count = ctypes.c_uint32(ctypes.sizeof(told) // 4)
        task = ctypes.c_uint32.in_dll(system, "mach_task_self_")
        if system.task_info(task, 20, ctypes.byref(told), ctypes.byref(count)) != 0:
            return None, None
        return told.resident, told.most
