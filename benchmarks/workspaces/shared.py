"""Streams that many blocks tell a part of: their events are numbered and chained as they are written."""

from benchmarks.workspaces.links import Chained, Loose, Stream


class Shared:
    """The streams by name, each as far as it was written."""

    def __init__(self, log_id: str, source: str) -> None:
        """Begin before the first event of each."""
        self._log_id, self._source = log_id, source
        self._streams: dict[str, Stream] = {}
        self._told: list[Chained] = []

    def chained(self, loose: Loose) -> Chained:
        """The event behind those of its stream so far."""
        stream = self._streams.get(loose.stream)
        if stream is None:
            stream = self._streams[loose.stream] = Stream(self._log_id, loose.stream, self._source, self._told)
        stream.add(loose.moment, loose.actor, loose.id, loose.event)
        return self._told.pop()
