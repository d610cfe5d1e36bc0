"""A seal is never too large, and says what it left out."""

from ledger.domain.seal import sealed
from schemas.events import SealedWriter


def writers(count: int) -> list[SealedWriter]:
    return [SealedWriter(writer=f"{n:032x}", last=n, seq=1, hash=f"{n:064x}") for n in range(count)]


def test_a_small_run_is_sealed_whole() -> None:
    seal = sealed(writers(3), {"loss": 0.5, "name": "x"}, 128_000)
    assert (len(seal.writers), seal.more_writers, seal.more_writers_digest) == (3, 0, None)
    assert (seal.last_values, seal.truncated) == ({"loss": 0.5, "name": "x"}, 0)


def test_a_huge_run_is_sealed_within_the_limit() -> None:
    values = {f"metric {n} żółć": "ą" * 50 for n in range(10_000)}
    seal = sealed(writers(5_000), values, 128_000)
    assert len(seal.model_dump_json().encode()) <= 128_000
    assert len(seal.writers) + seal.more_writers == 5_000
    assert seal.more_writers_digest is not None
    assert list(seal.last_values) == list(values)[: len(seal.last_values)]
    assert len(seal.last_values) + seal.truncated == 10_000


def test_the_digest_depends_on_every_writer_that_was_left_out() -> None:
    some, other = writers(2_000), writers(2_000)
    other[-1] = other[-1].model_copy(update={"last": 7})
    assert sealed(some, {}, 10_000).more_writers_digest != sealed(other, {}, 10_000).more_writers_digest
