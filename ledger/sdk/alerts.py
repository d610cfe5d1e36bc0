"""What a script wants people to know: `run.alert()`."""

from ledger.commands import AlertRun
from ledger.errors import BadValueError
from ledger.sdk.handle import RunHandle

_LEVELS = {"warn": "warning", "information": "info", "fatal": "critical"}


class RunAlerts(RunHandle):
    """The part of a run's handle for alerts that the script raises itself."""

    def alert(self, title: str, text: str = "", level: str = "warning") -> None:
        """Raise an alert; rules that are `on` alerts of this level, or a lower one, tell of it.

        `level` is info, warning (or warn), error or critical, in any case of letters.

        Raises:
            BadValueError: there is no such level, or no title.
            LimitExceededError: title or text are too long.
        """
        if not str(title).strip():
            raise BadValueError("an alert needs a title, which becomes the subject of the mail")
        name = str(getattr(level, "value", level)).lower()
        self._execute(AlertRun(run_id=self.id, title=str(title), text=str(text), level=_LEVELS.get(name, name)))
