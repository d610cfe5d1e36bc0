"""The keys of personal text, where the log says that it is encrypted."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from ledger.privacy.folder import KeyFolder
from ledger.privacy.named import named_store
from ledger.store.database import Database
from ledger.workspace.folder import WorkspaceFolder
from runledger.doctor.finding import Finding, fail, ok
from runledger.encrypting import keys_of
from schemas.streams import CONTROL


def look_at_keys(database: Database, folder: WorkspaceFolder, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether they are there, and are those that the log names; nothing where nothing is encrypted.

    Raises:
        KeyStoreError: they are not there.
    """
    log = database.identities().get(CONTROL)
    named = named_store(database, log.id) if log is not None else None
    if named is None:
        return
    keys = KeyFolder(keys_of(folder, environment))
    if keys.id != named:
        way_out = "name the folder with the right ones in RUNLEDGER_KEYS"
        yield fail("keys", f"the keys of personal text in {keys.path} are not those of this log", way_out)
    elif find_spec("cryptography") is None:
        yield fail("keys", "the library cryptography is missing", "pip install 'runledger[privacy]'")
    else:
        yield ok("keys", f"personal text is encrypted; its keys are in {keys.path}")
