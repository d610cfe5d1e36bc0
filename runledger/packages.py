"""A guard: our packages have plain names, and a file of the user's may hide one (ADR 0001)."""

from importlib.util import find_spec
from pathlib import Path

_OURS = ("schemas", "ledger", "projections", "alerts")


def check_packages() -> None:
    """Raise ImportError that names the intruder if one of our packages is not ours."""
    home = Path(__file__).resolve().parent.parent
    for name in _OURS:
        found = _place_of(name)
        if found is not None and found != home / name / "__init__.py":
            raise ImportError(
                f"runledger's package {name!r} is hidden by {found}. Rename that file, or start the script with "
                "`python -P`, which does not look for modules beside the script."
            )


def _place_of(name: str) -> Path | None:
    spec = find_spec(name)
    if spec is None:
        return None
    if spec.origin is not None:
        return Path(spec.origin).resolve()
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]).resolve() if folders else None
