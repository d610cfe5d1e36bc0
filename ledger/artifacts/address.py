"""From the address of a place to the place."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ledger.artifacts.folder import FolderPlace
from ledger.artifacts.place import FILES_OF_RUNS, Place, Purpose


def open_place(address: str, purpose: Purpose = FILES_OF_RUNS) -> Place:
    """The place of an address: a path, `file://...`, or what fsspec knows.

    Raises:
        UnavailableError: it is a URL, and what it needs is not installed.
    """
    if address.startswith("file://"):
        return FolderPlace(Path(unquote(urlsplit(address).path)), purpose)
    if "://" not in address:
        return FolderPlace(Path(address).expanduser().absolute(), purpose)
    from ledger.artifacts.elsewhere import FsspecPlace  # noqa: PLC0415 - a folder needs none of it

    return FsspecPlace(address, purpose)
