"""A file that a server sends, read as it comes."""

import io
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import BinaryIO, cast

from ledger.errors import UnavailableError

_BUFFER = 1 << 18


class _Reader(io.RawIOBase):
    def __init__(
        self, connection: HTTPConnection, response: HTTPResponse, give_back: Callable[[HTTPConnection], None]
    ) -> None:
        self._connection, self._response, self._give_back = connection, response, give_back

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        try:
            return self._response.readinto(buffer)  # type: ignore[arg-type]  # what RawIOBase gives is writable
        except (OSError, HTTPException) as error:
            raise UnavailableError(f"the file broke off on its way: {error}; try again") from error

    def close(self) -> None:
        if not self.closed:
            if self._response.isclosed():
                self._give_back(self._connection)
            else:
                # What was not read would be taken for the next answer.
                self._connection.close()
        super().close()


def download(
    connection: HTTPConnection, response: HTTPResponse, give_back: Callable[[HTTPConnection], None]
) -> BinaryIO:
    """The stream of an answer; closed when all of it was read, it gives the connection back."""
    return cast("BinaryIO", io.BufferedReader(_Reader(connection, response, give_back), _BUFFER))
