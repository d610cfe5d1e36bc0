"""Looking for what may be left of a text: in every file, as it is, escaped, packed or in Parquet."""

import io
import json
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import pyarrow.parquet as pq


def traces(place: Path, text: str) -> list[str]:
    """The files below a folder that hold a text in some form, by their place in it."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and _holds(path, text))


def _holds(path: Path, text: str) -> bool:
    content = path.read_bytes()
    forms = [text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le"), text.casefold().encode()]
    if any(form in content for form in forms):
        return True
    if path.suffix == ".parquet":
        return text in repr(pq.ParquetFile(path).read().to_pylist())
    if is_zipfile(path):
        with ZipFile(io.BytesIO(content)) as archive:
            return any(text.encode() in archive.read(name) for name in archive.namelist())
    return False
