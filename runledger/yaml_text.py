"""Values as YAML that is read back as they were."""

from functools import cache
from typing import Any

# A line ends at these too, and PyYAML writes them plainly where a reader takes them for an end (YAML 1.1, 5.4).
_BREAKS = frozenset("\x85\u2028\u2029")


def yaml_of(value: Any, *, width: int) -> str:
    """One document, keys in their own order."""
    import yaml  # noqa: PLC0415 - only for who writes it

    return str(yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=width))


@cache
def _dumper() -> Any:
    import yaml  # noqa: PLC0415 - as above

    class Dumper(yaml.SafeDumper):
        """Escapes what only looks like a space."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = None if _BREAKS.isdisjoint(value) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
