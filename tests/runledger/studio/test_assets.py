"""What a browser loads."""

import hashlib
import json

from runledger.studio.assets import BUNDLES, Assets
from tests.runledger.server.running import ROOT, Server

_VENDORED = ROOT / "runledger" / "studio" / "assets" / "vendor"
_MOST_BYTES = 60_000


def test_vendored_files_are_what_the_manifest_says() -> None:
    manifest = json.loads((_VENDORED / "manifest.json").read_text(encoding="utf-8"))
    for each in manifest:
        assert hashlib.sha256((_VENDORED / each["file"]).read_bytes()).hexdigest() == each["sha256"], each["file"]
        assert (_VENDORED / each["licence_file"]).read_text(encoding="utf-8")
    listed = {each["file"] for each in manifest} | {each["licence_file"] for each in manifest}
    assert {file.name for file in _VENDORED.iterdir()} == listed | {"manifest.json"}


def test_all_assets_together_are_small() -> None:
    assert Assets().packed_bytes() <= _MOST_BYTES


def test_a_bundle_is_kept_for_ever_and_an_old_one_is_gone(server: Server) -> None:
    address = Assets().address("studio.css")
    found = server.ask("GET", address, headers={"Accept-Encoding": "gzip"})
    assert found.status == 200
    assert found.headers["content-encoding"] == "gzip"
    assert "immutable" in found.headers["cache-control"]
    assert server.get("/static/studio.000000000000.css").status == 404
    assert set(BUNDLES) >= {"studio.css", "studio.js", "charts.js"}
