"""`make bench`: every measurement, as JSON lines in build/bench.jsonl and as a table.

Names of measurements may be given: `.venv/bin/python -m benchmarks verify kafka_append`.
With `--docs` what was measured is also written to docs/performance.md, each in its section.
"""

import importlib
import sys
from pathlib import Path

from benchmarks.report import with_section
from benchmarks.result import Result, machine, table
from runledger.process import tune_collector

MEASUREMENTS = (
    "aggregates",
    "alerts",
    "artifacts",
    "as_of",
    "audit",
    "chain",
    "charts",
    "cold_start",
    "disk",
    "embedded_append",
    "endings",
    "http",
    "kafka_append",
    "kafka_servers",
    "lists",
    "live",
    "mail",
    "metrics",
    "parity",
    "peer_lists",
    "postgres",
    "privacy",
    "projection",
    "rebuild",
    "replay",
    "rules",
    "run_page",
    "studio",
    "tracking",
    "verify",
)
_ROOT = Path(__file__).resolve().parent.parent
_LINES = _ROOT / "build" / "bench.jsonl"
_DOCS = _ROOT / "docs" / "performance.md"


def main(arguments: list[str]) -> int:
    """Measure and print."""
    names = [argument for argument in arguments if argument != "--docs"]
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
        return 2
    tune_collector()
    results: list[Result] = []
    for name in names or MEASUREMENTS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        found = module.run()
        results += found
        if "--docs" in arguments:
            page = _DOCS.read_text(encoding="utf-8") if _DOCS.exists() else ""
            _DOCS.write_text(
                with_section(page, name, found, MEASUREMENTS, notes=getattr(module, "NOTES", "")), encoding="utf-8"
            )
    _LINES.parent.mkdir(exist_ok=True)
    _LINES.write_text("".join(result.line() + "\n" for result in results), encoding="utf-8")
    for result in results:
        print(result.line())
    print(f"\n{machine()}\n{table(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
