"""Images and charts as metrics: a file each, and its name as the logged value (parity 2.C)."""

import io
import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.artifacts.names import PART_BYTES
from ledger.artifacts.upload import Upload
from ledger.errors import BadValueError, DeniedError, UnavailableError
from ledger.sdk import charts
from ledger.sdk.files import RunFiles
from ledger.sdk.metrics import RunMetrics

IMAGE = "image"

_UNFIT = re.compile(r"[\\\x00-\x1f\x7f-\x9f\ud800-\udfff:]")
_SPARE_BYTES = 40
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"<svg", b"<?xml")
_WEBP = (b"RIFF", b"WEBP")
_HEAD = 512

_log = logging.getLogger(__name__)


class RunFigures(RunMetrics, RunFiles):
    """The part of a run's handle for what is logged as a file; `get_metrics` has its name.

    While the ledger cannot be reached the file waits beside the journal, as what is logged waits in it. One
    that can neither be sent nor kept is a warning, and training goes on.
    """

    def log_image(self, name: str, path: str | Path | None = None, plot: Any = None, description: str = "") -> None:
        """Log an image: a file, or the figure of a plot (`matplotlib.pyplot` or a figure of it).

        Raises:
            BadValueError: neither or both are named, or it is no image.
        """
        if (path is None) == (plot is None):
            both = "both of them" if path is not None else "neither"
            raise BadValueError(f"metric {name!r}: log_image() needs a path or a plot, and got {both}")
        if path is not None:
            _check_is_image(name, Path(path))
            self._log_file(name, Upload(_file_name(name, Path(path).suffix.lower()), path, IMAGE, name), description)
            return
        if not callable(getattr(plot, "savefig", None)):
            raise BadValueError(
                f"metric {name!r}: plot must be matplotlib.pyplot or a figure of it, not {type(plot).__name__}"
            )
        drawn = io.BytesIO()
        plot.savefig(drawn, format="png")
        drawn.seek(0)
        self._log_file(name, Upload(_file_name(name, ".png"), drawn, IMAGE, name), description)

    def log_confusion_matrix(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log a confusion matrix: `class_labels` and `matrix`, a row a true class.

        Raises:
            BadValueError: it is no JSON, or no such matrix; the error names the part.
        """
        self._log_chart(charts.CONFUSION_MATRIX, name, value, description)

    def log_accuracy_table(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log counts by class and threshold: `class_labels`, and tables and thresholds by probability and percentile.

        Raises:
            BadValueError: it is no JSON, or no such tables; the error names the part.
        """
        self._log_chart(charts.ACCURACY_TABLE, name, value, description)

    def log_residuals(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log a histogram of errors: `bin_edges`, and `bin_counts`, one fewer.

        Raises:
            BadValueError: it is no JSON, or no such histogram; the error names the part.
        """
        self._log_chart(charts.RESIDUALS, name, value, description)

    def log_predictions(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log predictions by bins: `bin_edges`, and one fewer of `bin_averages`, `bin_errors` and `bin_counts`.

        Raises:
            BadValueError: it is no JSON, or no such bins; the error names the part.
        """
        self._log_chart(charts.PREDICTIONS, name, value, description)

    def _log_chart(self, kind: str, name: str, value: object, description: str) -> None:
        document = io.BytesIO(charts.chart(kind, name, value))
        self._log_file(name, Upload(_fitting(name), document, kind, name), description)

    def _log_file(self, name: str, file: Upload, description: str) -> None:
        try:
            self._uploaded([file])
        except (UnavailableError, DeniedError) as error:
            _log.warning("metric %r of run %s is not logged: %s", name, self.id, error)
            return
        self.log(name, file.name, description)


def _file_name(metric: str, suffix: str) -> str:
    # The original counts seconds, in which two images may fall.
    return f"{_fitting(metric)}_{time.time_ns() // 1000}{suffix}"


def _fitting(metric: str) -> str:
    """A metric's name as that of a file."""
    if not isinstance(metric, str) or not metric:
        raise BadValueError(f"a metric needs a name that is not empty; got {metric!r}")
    parts = [_UNFIT.sub("_", part) for part in metric.split("/")]
    found = [f"_{part}" if part in {"", ".", ".."} else part for part in parts]
    most = PART_BYTES - _SPARE_BYTES
    return "/".join(part.encode()[:most].decode(errors="ignore") for part in found)


def _check_is_image(metric: str, path: Path) -> None:
    try:
        with path.expanduser().open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise BadValueError(f"metric {metric!r}: {path} cannot be read: {error.strerror or error}") from error
    if not head.lstrip().startswith(_STARTS) and (head[:4], head[8:12]) != _WEBP:
        raise BadValueError(
            f"metric {metric!r}: {path} is no image; PNG, JPEG, GIF, BMP, TIFF, WebP and SVG are. upload_file() takes "
            "any file."
        )
