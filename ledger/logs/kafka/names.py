"""Names of headers that are not UTF-8, which anybody may write and which aiokafka refuses to read.

Its whole fetch fails on one such record, again and again. While a fetch is read by `reading_any_name`, the
bytes of a name that are no UTF-8 become lone surrogates (PEP 383), which no name of ours has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

_MAGIC = 16
_BATCH_OF_KAFKA_0_11 = 2


class _Bytes(bytearray):
    """Gives itself back in slices that can always be decoded."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Bytes(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return bytes(self).decode(encoding, errors)


class _Batch(_DefaultRecordBatchPy):
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _Bytes):
            self._buffer = _Bytes(self._buffer)


class _Records(_MemoryRecordsPy):
    def next_batch(self) -> Any:
        batch_bytes = self._next_slice
        batch = super().next_batch()
        if batch_bytes is None or batch_bytes[_MAGIC] < _BATCH_OF_KAFKA_0_11:
            return batch
        return _Batch(batch_bytes)


@contextmanager
def reading_any_name() -> Iterator[None]:
    """What is fetched meanwhile, by whatever consumer of this process, is read so: slower, by plain Python."""
    usual = fetcher.MemoryRecords
    fetcher.MemoryRecords = _Records
    try:
        yield
    finally:
        fetcher.MemoryRecords = usual
