"""What a running script has printed so far, in pieces, for readers elsewhere; in the end it is a file of the run."""

from hashlib import sha256

from ledger.artifacts.place import Place

OUTPUT_PIECE_BYTES = 65_536
"""A piece that is smaller is sent again with what came behind it, so that their number stays small."""
OUTPUT_BYTES = 20_000_000
"""How much is shown while a script runs; all of it is there at the end."""


class LiveOutput:
    """Pieces by the place in the output where they begin; one that is sent again takes the place of the first."""

    def __init__(self, place: Place) -> None:
        """Keep them at a place."""
        self._place = place

    def put(self, run_id: str, start: int, text: bytes) -> None:
        """Keep a piece; raises UnavailableError."""
        draft = self._place.begin()
        try:
            draft.write(text)
            draft.keep(f"{_folder(run_id)}{start:020d}")
        finally:
            draft.drop()

    def read(self, run_id: str, start: int, most: int) -> bytes:
        """Up to so many bytes from a place in the output on."""
        found = b""
        for key in self._place.keys(_folder(run_id)):
            begin, size = int(key.rpartition("/")[2]), self._place.size(key) or 0
            at = start + len(found)
            if begin <= at < begin + size:
                with self._place.open(key) as file:
                    file.seek(at - begin)
                    found += file.read(most - len(found))
            if len(found) >= most:
                break
        return found

    def size(self, run_id: str) -> int:
        """How many bytes there are."""
        last = max(self._place.keys(_folder(run_id)), default=None)
        return 0 if last is None else int(last.rpartition("/")[2]) + (self._place.size(last) or 0)

    def forget(self, run_id: str) -> None:
        """Delete the pieces of a run."""
        for key in list(self._place.keys(_folder(run_id))):
            self._place.remove(key)


def _folder(run_id: str) -> str:
    # The id came from a user, and a key must not.
    return f"output/{sha256(run_id.encode(errors='surrogatepass')).hexdigest()[:32]}/"
