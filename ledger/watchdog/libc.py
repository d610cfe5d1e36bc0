"""Words that the C library says for a process when it calls `exit`: glibc's `on_exit`.

Only there is the exit code known in the process itself. No Python runs at that time, so a
function of the C library itself is called, with the code and an open stream.
"""

from typing import Any

_UNBUFFERED = 2
"""glibc's _IONBF."""


def say_code_at_exit(descriptor: int, *, at_once: bool = False) -> bool:
    """Write the exit code (four bytes, an int of the machine) when the process exits.

    It is written once every other handler is through, or `at_once`. Calls made later are carried
    out first. False if the C library cannot.
    """
    return _at_exit("putw", descriptor, at_once=at_once)


def wait_for_room_at_exit(descriptor: int) -> bool:
    """Write one byte when the process exits: it waits where a pipe is full. False if the C library cannot."""
    return _at_exit("fputc", descriptor, at_once=True)


def _at_exit(function: str, descriptor: int, *, at_once: bool) -> bool:
    try:
        import ctypes  # noqa: PLC0415 - not every interpreter has it, and it is slow to import
    except ImportError:
        return False
    try:
        library: Any = ctypes.CDLL(None)
        register, call = library.on_exit, ctypes.cast(getattr(library, function), ctypes.c_void_p)
    except (AttributeError, OSError, TypeError):
        return False
    library.fdopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(library.fdopen(descriptor, b"wb"))
    if not stream:
        return False
    if at_once:
        library.setvbuf(stream, None, _UNBUFFERED, ctypes.c_size_t(0))
    return bool(register(call, stream) == 0)
