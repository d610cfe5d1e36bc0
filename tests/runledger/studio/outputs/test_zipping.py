"""All files as one zip."""

import io
import os
from zipfile import ZipFile

from runledger.studio.outputs.zipping import zipped
from tests.runledger.studio.outputs.test_text import Held

NAMES = ["user_logs/std_log.txt", "outputs/żółw/model.bin", "empty"]
CONTENTS = [b"hello\n" * 1_000, os.urandom(3_000_000), b""]


def test_names_and_contents_are_the_same_and_little_is_held() -> None:
    times = [None, "2026-11-23T10:00:00.000000+00:00", "1969-01-01T00:00:00+00:00"]
    pieces = list(zipped([(n, t, Held(c)) for n, t, c in zip(NAMES, times, CONTENTS, strict=True)]))
    assert max(map(len, pieces)) < 1_500_000
    with ZipFile(io.BytesIO(b"".join(pieces))) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == NAMES
        assert [packed.read(name) for name in NAMES] == CONTENTS
        assert packed.getinfo(NAMES[1]).date_time == (2026, 11, 23, 10, 0, 0)
