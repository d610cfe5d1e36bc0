"""`run files`, `upload`, `download`, `snapshot`: the files of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.artifacts.names import SNAPSHOT
from ledger.errors import ArtifactNotFoundError, RefusedError
from ledger.queries import ArtifactDocument
from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.runs.options import run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column, moment

if TYPE_CHECKING:
    from ledger.artifacts.upload import Upload
    from ledger.client import Client

_SHA_SHOWN = 12
_KILO = 1000

_folder_option = click.option(
    "-d",
    "--directory",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    metavar="DIR",
    help="the folder to write into, made if it is not there; else the present one",
)
_prefix_option = click.option("--prefix", metavar="TEXT", default="", help="only those whose names begin like this")


@click.command(cls=Verb)
@run_id_option
@_prefix_option
@pass_session
def files(session: Session, run_id: str, prefix: str) -> None:
    """List the files of a run: of each name what was added last.

    `run history` shows what a name stood for before. The snapshot is `.snapshot/source.zip`.
    """
    with session.client() as client:
        found = client.artifacts(run_id, [prefix] if prefix else [])
    if not found:
        note("There are no such files. `runledger run upload -r RUN PATH` adds one.")
    session.output.write(list(found), _COLUMNS)


@click.command(cls=Verb)
@run_id_option
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--name", metavar="NAME", help="the name of the one file, or before the names of a folder's files")
@pass_session
def upload(session: Session, run_id: str, paths: Sequence[Path], name: str | None) -> None:
    """Store files with a run: a file under its base name, a folder's files under the folder's.

    A name that is there already stands for the new file from then on; the history keeps the old one.
    """
    from ledger.artifacts.uploading import upload as store  # noqa: PLC0415

    if name is not None and len(paths) > 1:
        raise click.UsageError("--name names one file or folder.", click.get_current_context())
    uploads = [each for path in paths for each in _uploads(path, name)]
    with session.client() as client:
        client.run(run_id)
        with Progress("uploading", "files") as progress:
            stored = store(client.put_content, run_id, client.execute, uploads, progress=progress.update)
        found = [each for each in client.artifacts(run_id) if each["name"] in stored]
    session.output.write(found, _COLUMNS)


@click.command(cls=Verb)
@run_id_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_folder_option
@_prefix_option
@pass_session
def download(session: Session, run_id: str, names: Sequence[str], folder: Path, prefix: str) -> None:
    """Write files of a run into a folder, under their whole names; all of them if none is named.

    What is written is checked against the SHA-256 in the ledger.
    """
    from ledger.artifacts.downloading import write_below  # noqa: PLC0415

    with session.client() as client:
        chosen = _chosen(client, run_id, names, prefix)
        with Progress("downloading", "files") as progress:
            written = write_below(client, chosen, folder, progress.update)
    if not written:
        note(f"Run {run_id} has no files.")
    session.output.write([{"name": each["name"], "path": str(path)} for each, path in written], _WRITTEN)


@click.command(cls=Verb)
@run_id_option
@_folder_option
@pass_session
def snapshot(session: Session, run_id: str, folder: Path) -> None:
    """Write the zip of the code that a run was made with into a folder."""
    from ledger.artifacts.downloading import write_file  # noqa: PLC0415

    with session.client() as client:
        found = _chosen(client, run_id, [SNAPSHOT], "")[0]
        path = write_file(client, found, folder / f"{found['sha256']}.zip")
    session.output.write({"snapshot_id": found["sha256"], "path": str(path)})


def _uploads(path: Path, name: str | None) -> "list[Upload]":
    from ledger.artifacts.upload import Upload  # noqa: PLC0415
    from ledger.artifacts.walking import files_below  # noqa: PLC0415

    if path.is_dir():
        return [Upload(each, file) for each, file in files_below(path, path.resolve().name if name is None else name)]
    if not path.exists():
        raise RefusedError(f"there is no file {path}")
    return [Upload(path.name if name is None else name, path)]


def _chosen(client: "Client", run_id: str, names: Sequence[str], prefix: str) -> list[ArtifactDocument]:
    wanted = list(names) or ([prefix] if prefix else [])
    found = client.artifacts(run_id, wanted)
    by_name = {each["name"]: each for each in found}
    missing = next((name for name in names if name not in by_name), None)
    if missing is None and not by_name and prefix:
        missing = prefix
    if missing is not None:
        raise ArtifactNotFoundError(run_id, missing, [each["name"] for each in client.artifacts(run_id)])
    return [by_name[name] for name in names] if names else [each for each in found if each["name"] != SNAPSHOT]


def _size(size: Any) -> str:
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _KILO:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KILO
    return f"{amount:.1f} TB"


_COLUMNS = (
    Column("NAME", lambda file: file["name"], whole=True),
    Column("SIZE", lambda file: _size(file["size"])),
    Column("SHA-256", lambda file: file["sha256"][:_SHA_SHOWN]),
    Column("TYPE", lambda file: file.get("content_type")),
    Column("ADDED (UTC)", lambda file: moment(file["added_utc"])),
    Column("BY", lambda file: file["added_by"]),
)
_WRITTEN = (
    Column("NAME", lambda file: file["name"]),
    Column("PATH", lambda file: file["path"], whole=True),
)
