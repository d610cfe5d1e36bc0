"""An exception of a script as the error of its run."""

import traceback


def error_of(error: BaseException, code: str | None = None) -> dict[str, str | None]:
    """An exception as the error of a run (parity C4)."""
    name = type(error).__name__
    return {
        "code": code or "UserError",
        "message": f"User program failed with {name}: {error}",
        "type": name,
        "traceback": "".join(traceback.format_exception(error)),
    }
