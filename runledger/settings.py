"""Settings: each with the places it may come from, and the place it came from.

Light on purpose: a training process reads them without loading a settings library.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import WorkspaceError
from ledger.workspace.folder import CONFIG


@dataclass(frozen=True, slots=True)
class Setting:
    """A name, the environment variable and the key in config.toml that set it, and what it is for."""

    name: str
    variable: str
    help: str
    default: str | None = None
    key: str | None = None
    secret: bool = False


_HIDDEN = "********"
# Up to the last @: what should be written %40 or %2F in a password is hidden too.
_PASSWORD_IN_URL = re.compile(r"//([^/@:]*):.*@")
_PASSWORD_BEHIND = re.compile(r"([?&](?:ssl)?password=)[^&]*")
MODE = "RUNLEDGER_MODE"
ONLINE, OFFLINE = "online", "offline"

KAFKA = {
    "protocol": "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; else SASL_SSL with a user name, SSL with a CA file",
    "mechanism": "how the user is told: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN; else SCRAM-SHA-512",
    "username": "the user of the Kafka cluster",
    "password file": "the file with the password for it",
    "ca file": "the certificates that the brokers' are checked by (PEM); else those of the system",
    "certificate file": "our own certificate for the cluster (PEM)",
    "key file": "the key of that certificate (PEM), if it is not in the same file",
}
"""How to be let in by a Kafka cluster: each setting of it, and what it is for."""


def _key_of(name: str) -> str:
    return f"kafka_{name.replace(' ', '_')}"


SETTINGS = (
    Setting(
        "workspace",
        "RUNLEDGER_WORKSPACE",
        "path or URL of the workspace; else the nearest .runledger/ upwards",
    ),
    Setting(
        "mode", MODE, "online, or offline: scripts note their runs in journals, for `runledger sync`", default=ONLINE
    ),
    Setting("log", "RUNLEDGER_LOG", "sqlite, or kafka://HOST:PORT[,...]/NAME", default="sqlite", key="log"),
    *(
        Setting(f"kafka {name}", f"RUNLEDGER_KAFKA_{name.replace(' ', '_').upper()}", text, key=_key_of(name))
        for name, text in KAFKA.items()
    ),
    Setting(
        "views",
        "RUNLEDGER_VIEWS",
        "where the views are: postgresql://USER@HOST/DATABASE, which servers may share; else views.db of the workspace",
        key="views",
    ),
    Setting(
        "keys",
        "RUNLEDGER_KEYS",
        "the folder with the keys of personal text, where it is encrypted; else keys/personal of the workspace",
        key="keys",
    ),
    Setting(
        "encrypt personal",
        "RUNLEDGER_ENCRYPT_PERSONAL",
        "true where personal text shall be encrypted, as `runledger init --encrypt-personal` writes it; the log says "
        "whether it is",
        default="false",
        key="encrypt_personal",
    ),
    Setting(
        "artifacts",
        "RUNLEDGER_ARTIFACTS",
        "where files of runs lie: a folder, or an address of fsspec such as s3://BUCKET/PREFIX; else artifacts/ "
        "of the workspace",
        key="artifacts",
    ),
    Setting(
        "artifact bytes",
        "RUNLEDGER_ARTIFACT_BYTES",
        "the largest file of a run that is taken",
        default=str(100_000_000_000),
        key="artifact_bytes",
    ),
    Setting("smtp url", "RUNLEDGER_SMTP_URL", "the relay for mails: smtp://USER@HOST:PORT or smtps://..."),
    Setting("smtp password file", "RUNLEDGER_SMTP_PASSWORD_FILE", "the file with the password for the relay"),
    Setting("smtp rate", "RUNLEDGER_SMTP_RATE", "how many mails a server may send, such as 600/min"),
    Setting("mail from", "RUNLEDGER_MAIL_FROM", "the sender of mails: ADDRESS or NAME <ADDRESS>"),
    Setting(
        "mail late seconds",
        "RUNLEDGER_MAIL_LATE_SECONDS",
        "after how long a message that waits makes a server say at /readyz that it is not ready; 0: never",
        default="900",
    ),
    Setting("bounce address", "RUNLEDGER_BOUNCE_ADDRESS", "where mails that cannot be delivered come back: ADDRESS"),
    Setting("public url", "RUNLEDGER_PUBLIC_URL", "the address of the pages, for links in mails"),
    Setting("key file", "RUNLEDGER_KEY_FILE", "the key that signs links in mails; the same on servers of one log"),
    Setting("email", "RUNLEDGER_EMAIL", "your address, for rules that mail who started a run"),
    Setting("journal dir", "RUNLEDGER_JOURNAL_DIR", "where journals of training scripts lie"),
    Setting(
        "cancel grace seconds",
        "RUNLEDGER_CANCEL_GRACE_SECONDS",
        "how long a run that shall be canceled may go on before it is recorded as Canceled",
        default="60",
        key="cancel_grace_seconds",
    ),
    Setting(
        "not responding seconds",
        "RUNLEDGER_NOT_RESPONDING_SECONDS",
        "silence after which `runledger server` calls a run NotResponding",
        default="120",
        key="not_responding_seconds",
    ),
    Setting(
        "presumed dead seconds",
        "RUNLEDGER_PRESUMED_DEAD_SECONDS",
        "silence after which it presumes that the run Failed, or never",
        default="never",
        key="presumed_dead_seconds",
    ),
    Setting(
        "presence seconds",
        "RUNLEDGER_PRESENCE_SECONDS",
        "how often a server records of which runs it heard; the same for all servers of a log",
        default="30",
        key="presence_seconds",
    ),
    Setting(
        "trusted proxies",
        "RUNLEDGER_TRUSTED_PROXIES",
        "addresses or networks of proxies whose X-Forwarded-For, -Proto and -Host the server believes; else none",
        key="trusted_proxies",
    ),
    Setting(
        "server names",
        "RUNLEDGER_SERVER_NAMES",
        "host names that the server answers to, with commas between; else any, once there is a user",
        key="server_names",
    ),
    Setting(
        "session idle hours",
        "RUNLEDGER_SESSION_IDLE_HOURS",
        "after how many hours without use somebody is logged out of the pages",
        default="24",
        key="session_idle_hours",
    ),
    Setting(
        "session hours",
        "RUNLEDGER_SESSION_HOURS",
        "after how many hours somebody must log in to the pages again",
        default="336",
        key="session_hours",
    ),
    Setting(
        "lag seconds",
        "RUNLEDGER_LAG_SECONDS",
        "after how long without reaching the end of its log a server says at /readyz that it is not ready, and takes "
        "no writes",
        default="30",
        key="lag_seconds",
    ),
    Setting("data", "RUNLEDGER_DATA", "the folder that `runledger server` serves"),
    Setting("token", "RUNLEDGER_TOKEN", "token for a workspace that is a URL; else RUNLEDGER_TOKEN_FILE", secret=True),
    Setting("token file", "RUNLEDGER_TOKEN_FILE", "the file with that token; else what `runledger login` stored"),
)


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it came from."""

    setting: Setting
    value: str | None
    source: str

    def shown(self) -> str | None:
        """The value for people: a secret is never shown, nor a password in an address, where it has no place."""
        if self.setting.secret and self.value is not None:
            return _HIDDEN
        shown = self.value and _PASSWORD_IN_URL.sub(rf"//\1:{_HIDDEN}@", self.value)
        return shown and _PASSWORD_BEHIND.sub(rf"\1{_HIDDEN}", shown)

    def file(self, folder: Path) -> Path | None:
        """The file that the setting names: from `folder` on, in which config.toml lies, if it is named there."""
        if not self.value:
            return None
        named = Path(self.value).expanduser()
        return folder / named if self.source == CONFIG else named


def is_offline(environment: Mapping[str, str]) -> bool:
    """Whether scripts shall note their runs without a ledger.

    Raises:
        WorkspaceError: RUNLEDGER_MODE is neither `online` nor `offline`.
    """
    mode = environment.get(MODE, "").strip().lower() or ONLINE
    if mode not in {ONLINE, OFFLINE}:
        raise WorkspaceError(f"{MODE} must be {ONLINE} or {OFFLINE}, not {environment[MODE]!r}")
    return mode == OFFLINE


def resolve(environment: Mapping[str, str], config: Mapping[str, Any], config_name: str = CONFIG) -> dict[str, Value]:
    """Every setting: the environment wins over config.toml, which wins over the default."""
    return {setting.name: _resolve(setting, environment, config, config_name) for setting in SETTINGS}


def _resolve(setting: Setting, environment: Mapping[str, str], config: Mapping[str, Any], config_name: str) -> Value:
    if environment.get(setting.variable):
        return Value(setting, environment[setting.variable], f"environment ({setting.variable})")
    if setting.key is not None and setting.key in config:
        found = config[setting.key]
        return Value(setting, str(found).lower() if isinstance(found, bool) else str(found), config_name)
    return Value(setting, setting.default, "default" if setting.default is not None else "not set")
