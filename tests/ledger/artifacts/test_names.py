"""Names of files lead nowhere but below the folder they are put in."""

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.artifacts.names import check_artifact_name, name_below, place_in
from ledger.errors import InvalidNameError
from schemas.limits import Limits

LIMITS = Limits()
HOSTILE = st.text(st.sampled_from(list("./\\:aC\0\n ä\ud800")), max_size=12) | st.text(max_size=30)


def is_allowed(name: str) -> bool:
    try:
        check_artifact_name(name, LIMITS)
    except InvalidNameError:
        return False
    return True


@pytest.mark.parametrize(
    "name", ["a", "outputs/model.pkl", "a b/ü/数.txt", "...", "a..b/.hidden", "con", "a/model:v1", "-x"]
)
def test_what_people_name_files_is_allowed(name: str) -> None:
    check_artifact_name(name, LIMITS)


@pytest.mark.parametrize(
    "name",
    [
        *("", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "..\\a", "C:/a", "a/C:b", "a\nb"),
        *("a\x00", "a\x7f", "a\x85", "\ud800", "x" * 256, "ä" * 128, "/".join(["a"] * 2501)),
    ],
)
def test_what_could_lead_elsewhere_is_refused_with_the_name(name: str) -> None:
    with pytest.raises(InvalidNameError, match="cannot name a file of a run"):
        check_artifact_name(name, LIMITS)


@given(HOSTILE)
def test_an_allowed_name_stays_below_any_folder_on_any_system(name: str) -> None:
    if not is_allowed(name):
        return
    for kind, top in ((PurePosixPath, "/top/folder"), (PureWindowsPath, "D:\\top\\folder")):
        folder = kind(top)
        place = folder.joinpath(*name.split("/"))
        assert place.is_relative_to(folder)
        assert ".." not in place.parts
        assert len(place.parts) == len(folder.parts) + len(name.split("/"))


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4).map("/".join).filter(is_allowed))
def test_a_file_below_a_folder_has_the_name_that_leads_back_to_it(name: str) -> None:
    folder = Path("/top")

    assert name_below(folder, place_in(folder, name)) == name
    assert name_below(folder, place_in(folder, name), "outputs/") == f"outputs/{name}"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidNameError, match="no text"):
        check_artifact_name(3, LIMITS)  # type: ignore[arg-type]
