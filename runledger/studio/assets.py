"""What a browser loads once: bundles of our files and the vendored ones, named by their hash."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).parent / "assets"
_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"
PREFIX = "/static/"

BUNDLES: dict[str, tuple[str, ...]] = {
    "studio.css": ("css/*.css",),
    "studio.js": ("vendor/htmx.min.js", "js/*.js"),
    "charts.css": ("vendor/uplot.css", "charts/*.css"),
    "charts.js": ("vendor/uplot.min.js", "charts/*.js"),
    "icon.svg": ("icon.svg",),
}
"""Files of each bundle, in order; charts are loaded by the pages that show some."""


@dataclass(frozen=True, slots=True)
class _Bundle:
    address: str
    kind: str
    plain: bytes
    packed: bytes


class Assets:
    """The bundles, read once."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        """Read and pack every bundle."""
        bundles = {name: _read(folder, name, patterns) for name, patterns in BUNDLES.items()}
        self._addresses = {name: bundle.address for name, bundle in bundles.items()}
        self._bundles = {bundle.address: bundle for bundle in bundles.values()}

    def address(self, name: str) -> str:
        """Where a bundle is fetched from; another one whenever its content is another."""
        return self._addresses[name]

    def packed_bytes(self) -> int:
        """What a browser fetches for the richest page, packed."""
        return sum(len(bundle.packed) for bundle in self._bundles.values())

    async def serve(self, request: Request) -> Response:
        """A bundle, or the answer that there is none (any more)."""
        bundle = self._bundles.get(request.url.path)
        if bundle is None:
            return Response("no such file\n", 404, media_type="text/plain")
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(bundle.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=bundle.kind)
        return Response(bundle.plain, headers=headers, media_type=bundle.kind)


def _read(folder: Path, name: str, patterns: tuple[str, ...]) -> _Bundle:
    files = [file for pattern in patterns for file in sorted(folder.glob(pattern))]
    plain = b"\n".join(file.read_bytes() for file in files)
    stem, suffix = Path(name).stem, Path(name).suffix
    digest = hashlib.sha256(plain).hexdigest()[:12]
    return _Bundle(f"{PREFIX}{stem}.{digest}{suffix}", _KINDS[suffix], plain, gzip.compress(plain, 9, mtime=0))
