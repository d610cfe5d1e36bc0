"""A file that a server sends, read as it comes."""

import io
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import BinaryIO, cast

from ledger.errors import UnavailableError


class _Reader(io.RawIOBase):
    def __init__(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        self._connection, self._response = connection, response

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        try:
            return self._response.readinto(buffer)  # type: ignore[arg-type]  # what RawIOBase gives is writable
        except (OSError, HTTPException) as error:
            raise UnavailableError(f"the file broke off on its way: {error}; try again") from error

    def close(self) -> None:
        if not self.closed:
            self._connection.close()
        super().close()


def download(connection: HTTPConnection, response: HTTPResponse) -> BinaryIO:
    """The stream of an answer; closing it closes the connection."""
    return cast("BinaryIO", io.BufferedReader(_Reader(connection, response), 1 << 18))
