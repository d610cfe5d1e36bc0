"""Whether a workspace encrypts personal text, and with which keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.commands.privacy import EncryptPersonal
from ledger.privacy.cipher import KeyCipher, check_library
from ledger.privacy.folder import KeyFolder
from ledger.privacy.named import named_store
from ledger.workspace.folder import WorkspaceFolder
from runledger.settings import resolve

if TYPE_CHECKING:
    from ledger.application.handling import Caller
    from runledger.wiring import Embedded


def keys_of(folder: WorkspaceFolder, environment: Mapping[str, str]) -> Path:
    """The folder with the keys of personal text."""
    return resolve(environment, folder.settings())["keys"].file(folder.path) or folder.personal_keys


def cipher_of(folder: WorkspaceFolder, environment: Mapping[str, str]) -> KeyCipher:
    """The cipher of a workspace, which encrypts nothing before the log says so."""
    return KeyCipher(KeyFolder(keys_of(folder, environment)))


def encrypt_where_said(parts: "Embedded", caller: "Caller", environment: Mapping[str, str]) -> None:
    """Encrypt where the log says so; and let it say so, where that is set.

    Raises:
        UnavailableError: it is set, and nothing can be encrypted here.
    """
    if not isinstance(parts.cipher, KeyCipher):
        return
    log_id, database = parts.log.id, parts.database
    parts.cipher.serve(log_id, lambda: named_store(database, log_id))
    wanted = resolve(environment, parts.folder.settings())["encrypt personal"].value or ""
    if wanted.lower() != "true" or named_store(database, log_id) is not None:
        return
    check_library()
    parts.cipher.keys.prepare()
    parts.ledger.handle(EncryptPersonal(store=parts.cipher.keys.id), caller)
