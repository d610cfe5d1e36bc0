"""What a run is, as this handle last saw it."""

from typing import Any

from ledger.sdk.display import page_of, table_of
from ledger.sdk.handle import RunHandle


class RunIdentity(RunHandle):
    """The part of a run's handle that says which run it is.

    `status`, `tags` and `properties` are as last seen by this handle (parity C1); `get_status()`,
    `get_tags()` and `get_properties()` ask.
    """

    @property
    def status(self) -> str:
        """The status as last seen; `get_status()` asks."""
        return str(self._known()["status"])

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags as last seen; `get_tags()` asks."""
        return dict(self._known()["tags"])

    @property
    def properties(self) -> dict[str, str]:
        """The properties as last seen; `get_properties()` asks."""
        return dict(self._known()["properties"])

    @property
    def name(self) -> str:
        """The display name, or the id where there is none."""
        return str(self._known()["name"])

    @property
    def number(self) -> int:
        """Which run of its experiment it is, from 1."""
        return int(self._known()["run_number"])

    @property
    def type(self) -> str:
        """What kind of run it is, such as `runledger.run` or `runledger.script`."""
        return str(self._known()["run_type"])

    def get_portal_url(self) -> str | None:
        """The page of the run; None for a folder that no server is known to show (RUNLEDGER_PUBLIC_URL names one)."""
        return page_of(self.experiment.workspace, f"runs/{self.id}")

    def _repr_html_(self) -> str:
        document = self._document()
        about = {"Experiment": self.experiment.name, "Id": self.id}
        about |= {"Type": document["run_type"], "Status": document["status"]}
        return table_of(about, "Details Page", self.get_portal_url())

    def _known(self) -> dict[str, Any]:
        return self._seen if self._seen is not None else self._document()
