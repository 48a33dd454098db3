"""Memory of a command that works through large arrays, one after the other."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of glibc's `malloc.h`."""
_LARGEST = 64 << 20
_OBJECTS = 100_000
_POOL = "ARROW_DEFAULT_MEMORY_POOL"


def prepare_for_arrays() -> None:
    """Take the allocators that are best for reading one batch after the other."""
    _look_for_cycles_rarely()
    _keep_freed_memory()
    # Its threads wait for work by spinning, and take the processor from those that read.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _choose_pool()


def _look_for_cycles_rarely() -> None:
    """Else Python looks through all modules while they load, and once more at the end."""
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)


def _keep_freed_memory() -> None:
    """Use freed blocks again: glibc returns each large one to the system, and gets the next page by page.

    No other C library knows the call: there nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST)
    mallopt(_TRIM_THRESHOLD, 2 * _LARGEST)


def _choose_pool() -> None:
    """Arrow's allocator is chosen when it is imported; its default keeps a fifth more."""
    if "pyarrow" in sys.modules or _POOL in os.environ or sys.platform != "linux":
        return
    os.environ[_POOL] = "jemalloc"
    try:
        import pyarrow as pa

        pa.default_memory_pool()
    finally:
        del os.environ[_POOL]
