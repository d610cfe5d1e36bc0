"""Settings: each with the places it may come from, and the place it came from.

Light on purpose: a training process reads them without loading a settings library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """A name, the environment variable and the key in config.toml that set it, and what it is for."""

    name: str
    variable: str
    help: str
    default: str | None = None
    key: str | None = None
    secret: bool = False


SETTINGS = (
    Setting(
        "workspace",
        "RUNLEDGER_WORKSPACE",
        "path or URL of the workspace; else the nearest .runledger/ upwards",
    ),
    Setting("log", "RUNLEDGER_LOG", "sqlite, or kafka://HOST:PORT[,...]/NAME", default="sqlite", key="log"),
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
        """The value for people: a secret is never shown."""
        return "********" if self.setting.secret and self.value is not None else self.value


def resolve(
    environment: Mapping[str, str], config: Mapping[str, Any], config_name: str = "config.toml"
) -> dict[str, Value]:
    """Every setting: the environment wins over config.toml, which wins over the default."""
    return {setting.name: _resolve(setting, environment, config, config_name) for setting in SETTINGS}


def _resolve(setting: Setting, environment: Mapping[str, str], config: Mapping[str, Any], config_name: str) -> Value:
    if environment.get(setting.variable):
        return Value(setting, environment[setting.variable], f"environment ({setting.variable})")
    if setting.key is not None and setting.key in config:
        return Value(setting, str(config[setting.key]), config_name)
    return Value(setting, setting.default, "default" if setting.default is not None else "not set")
