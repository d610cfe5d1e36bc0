"""How many events a rebuild takes at once: so many that their writing keeps nobody waiting for long."""

HELD_SECONDS = 0.1
"""How long the lock is held for a batch, about. Others who write wait so long, at the most a few times."""

_LEAST, _MOST = 500, 20_000


class Pace:
    """The size of the next batch, by how long the lock was held for the last one."""

    def __init__(self, size: int, *, fixed: bool = False) -> None:
        """Begin with so many events; `fixed` keeps to them."""
        self.size = size
        self._fixed = fixed

    def held(self, seconds: float, events: int) -> None:
        """Learn how long the writing of a batch took."""
        if not self._fixed and events:
            self.size = next_size(self.size, seconds / events)


def next_size(size: int, seconds_per_event: float) -> int:
    """How many events fit, at most twice or half as many as before."""
    fitting = int(HELD_SECONDS / max(seconds_per_event, 1e-9))
    return min(max(fitting, size // 2, _LEAST), size * 2, _MOST)
