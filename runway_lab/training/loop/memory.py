"""Memory that a training process gets back from the system again and again, kept instead.

glibc hands large buffers back to the system as soon as they are free, and the next step gets them afresh:
page after page, each zeroed by the kernel. A step allocates the same buffers as the one before, and on a CPU
this alone is a tenth of its time. A process that does nothing but train may as well keep what it had.
"""

from __future__ import annotations

import ctypes

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Asks glibc to keep what is freed; elsewhere nothing happens. Whether it was done.

    For a process of its own: what it needed at most, it holds until it ends.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    # glibc before 2.35 knows a largest threshold, 32 MB.
    mapped = mallopt(_MMAP_THRESHOLD, _MOST) or mallopt(_MMAP_THRESHOLD, 2**25)
    return bool(mapped and mallopt(_TRIM_THRESHOLD, _MOST))
