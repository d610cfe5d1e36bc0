"""What every key store keeps, and what the folder is besides."""

import re
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.privacy.folder import STORE, KeyFolder
from ledger.privacy.keys import KeyStore, KeyStoreError
from tests.ledger.privacy.stores import MemoryKeys

RUN = "run:" + "r" * 256


def a_folder(path: Path) -> KeyStore:
    folder = KeyFolder(path / "keys")
    folder.prepare()
    return folder


@pytest.fixture(params=[a_folder, lambda _: MemoryKeys()], ids=["folder", "memory"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    make: Callable[[Path], KeyStore] = request.param
    return make(tmp_path)


def test_a_subject_has_one_key_and_no_two_have_the_same(keys: KeyStore) -> None:
    first, other = keys.make(RUN), keys.make("user:u")

    assert keys.make(RUN) == first == keys.of(RUN) == keys.get(first.id)
    assert len({first.secret, other.secret}) == len({first.id, other.id}) == 2
    assert (len(first.secret), keys.of("run:other"), keys.get("0.0")) == (32, None, None)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", first.id)
    assert sorted(keys.subjects()) == sorted([RUN, "user:u"])


def test_a_destroyed_key_is_gone_and_the_next_one_is_another(keys: KeyStore) -> None:
    first, other = keys.make(RUN), keys.make("user:u")
    before = keys.changed()
    keys.destroy(RUN)

    assert keys.of(RUN) is None
    assert keys.get(first.id) is None
    assert keys.get(other.id) == other
    assert keys.changed() != before
    again = keys.make(RUN)
    assert again.id != first.id
    assert again.secret != first.secret
    assert keys.get(first.id) is None


def test_to_destroy_what_is_not_there_is_told_all_the_same(keys: KeyStore) -> None:
    before = keys.changed()
    keys.destroy("run:nobody")

    assert keys.changed() != before, "who was killed in the middle of it calls again"


def test_of_many_who_make_a_key_at_once_all_get_the_same(tmp_path: Path) -> None:
    a_folder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: KeyFolder(tmp_path / "keys").make(f"run:{number % 3}"), range(48)))

    assert len(set(made)) == 3
    assert not [
        path for path in (tmp_path / "keys").rglob("*") if path.is_file() and path.suffix not in {".json", ".txt", ""}
    ]


def test_files_are_for_their_owner_alone_and_a_destroyed_one_is_overwritten(tmp_path: Path) -> None:
    keys = a_folder(tmp_path)
    secret = keys.make(RUN).secret.hex()
    (file,) = (tmp_path / "keys").glob("??/*.json")
    assert secret in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (tmp_path / "linked").hardlink_to(file)
    keys.destroy(RUN)

    assert not file.exists()
    assert not (tmp_path / "linked").read_bytes().strip(b"\0")


@pytest.mark.parametrize("what", ["make", "of", "get", "destroy", "changed", "subjects", "id"])
def test_a_folder_that_is_away_is_an_error_and_never_a_destroyed_key(tmp_path: Path, what: str) -> None:
    key = a_folder(tmp_path).make(RUN)
    (tmp_path / "keys").rename(tmp_path / "elsewhere")
    (tmp_path / "keys").mkdir()  # as where a disk is to be mounted
    keys = KeyFolder(tmp_path / "keys")
    calls: dict[str, Callable[[], object]] = {
        "make": lambda: keys.make(RUN),
        "of": lambda: keys.of(RUN),
        "get": lambda: keys.get(key.id),
        "destroy": lambda: keys.destroy(RUN),
        "changed": keys.changed,
        "subjects": lambda: list(keys.subjects()),
        "id": lambda: keys.id,
    }

    with pytest.raises(KeyStoreError, match="RUNLEDGER_KEYS"):
        calls[what]()
    assert not list((tmp_path / "keys").iterdir())


def test_a_damaged_file_is_an_error_and_never_a_destroyed_key(tmp_path: Path) -> None:
    keys = a_folder(tmp_path)
    key = keys.make(RUN)
    (file,) = (tmp_path / "keys").glob("??/*.json")
    file.write_text("{", encoding="utf-8")

    with pytest.raises(KeyStoreError, match="damaged"):
        keys.get(key.id)


def test_a_folder_that_is_there_keeps_its_id_and_keys(tmp_path: Path) -> None:
    first = a_folder(tmp_path)
    key = first.make(RUN)
    again = a_folder(tmp_path)

    assert (again.id, again.of(RUN)) == (first.id, key)
    assert (tmp_path / "keys" / STORE).exists()
