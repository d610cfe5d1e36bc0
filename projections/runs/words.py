"""The words that a run is found by, and those of a search."""

from unicodedata import normalize

from projections.runs.state import RunState

_KEYS = ("experiment", "status", "display_name", "description", "created_by", "target")


def words_of(run_id: str, state: RunState) -> str:
    """The texts of a run that people search: id, names, description, tags, properties, status, user, error."""
    texts = [run_id, *(state.get(key) for key in _KEYS), state.get("error", {}).get("message")]
    for pairs in (state["tags"], state["properties"]):
        texts += [text for pair in pairs.items() for text in pair]
    return folded("\n".join(str(text) for text in texts if text))


def folded(text: str) -> str:
    """A text as it is compared: in one form of its characters, whatever their case."""
    return text.lower() if text.isascii() else normalize("NFKC", text).casefold()


def sought(search: str) -> list[str]:
    """The words of a search that can be found: those with a letter or a digit, folded."""
    return [word for word in folded(search).split() if any(map(str.isalnum, word))]
