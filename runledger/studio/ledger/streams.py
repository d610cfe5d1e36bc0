"""The page of what a stream is about."""

from schemas.streams import key_of, kind_of


def page_of(stream: str) -> str | None:
    """The page of what a stream is about, if it has one."""
    match kind_of(stream):
        case "run" | "values":
            return f"/runs/{key_of(stream).partition(':')[0]}"
        case "rule":
            return f"/alerts/{key_of(stream)}"
        case "silence":
            return "/alerts/silences"
        case "recipient":
            return "/alerts/recipients"
        case "notifications":
            return "/alerts/health"
        case _:
            return None
