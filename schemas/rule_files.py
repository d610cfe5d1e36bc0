"""Rules in a file that people keep under version control."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from schemas.conditions import RulePart
from schemas.rules import RuleDefinition, definition_of, first_error

_TEMPLATES = ("subject", "text", "html")


class WrittenRule(RuleDefinition):
    """A rule as a file has it: `enabled: false` puts it out of force."""

    enabled: bool = True

    def definition(self) -> RuleDefinition:
        """What it says."""
        return definition_of(self.draft())

    def draft(self) -> dict[str, Any]:
        """What it says, as JSON."""
        return {name: value for name, value in self.as_json().items() if name != "enabled"}


class RuleFile(RulePart):
    """All rules of a file; each is known by its name."""

    rules: Annotated[tuple[WrittenRule, ...], Field(max_length=10_000)] = ()


def read_rules(content: Any, read: Callable[[str], str]) -> tuple[WrittenRule, ...]:
    """The rules in a file's content; `templates` may name files (`text_file`), which `read` reads.

    Raises:
        ValueError: it is not `rules: [...]`, or one of them cannot be; the text says which and why.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("rules"), list) or len(content) != 1:
        raise ValueError("a file of rules is of the form `rules: [{name: ..., recipients: [...]}, ...]`")
    found = []
    for number, rule in enumerate(content["rules"], 1):
        name = rule.get("name", f"number {number}") if isinstance(rule, Mapping) else f"number {number}"
        try:
            found.append(WrittenRule.model_validate_json(json.dumps(_with_templates(rule, read), allow_nan=False)))
        except ValidationError as error:
            raise ValueError(f"rule {name}: {first_error(error)}") from None
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"rule {name}: {error}") from None
    names = [rule.name for rule in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two rules are called {twice!r}")
    return tuple(found)


def _with_templates(rule: Any, read: Callable[[str], str]) -> Any:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("templates"), Mapping):
        return rule
    templates = dict(rule["templates"])
    for part in _TEMPLATES:
        file = templates.pop(f"{part}_file", None)
        if file is not None:
            templates[part] = read(str(file))
    return dict(rule) | {"templates": templates}
