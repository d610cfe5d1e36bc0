"""A jinja2 environment in which no template can take long, grow large, or reach anything but the facts.

Time cannot be taken back from a Python program from outside, so nothing that takes long can be begun:
what a template may be made of is listed, every filter is ours or harmless, numbers and texts stay small,
and the budget is looked at in each turn of a loop and at each operation. Lists that hold one another many
times over are never compared or hashed, which would take for ever.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alerts.templates.budget import Budget, TemplateFailedError, fits
from alerts.templates.operations import (
    FILTERS_FOR_MANY,
    FILTERS_FOR_ONE,
    TESTS,
    Filter,
    is_allowed_method,
    said,
    simple,
)
from ledger.errors import RefusedError

BUDGET = "_budget"
SOURCE_LENGTH = 64_000
_TURNS, _SIMPLE = "_turns", "_simple"
_MEMBERSHIP = ("in", "notin")
_LARGEST = 2**64
_FILTERS = sorted({*FILTERS_FOR_ONE, *FILTERS_FOR_MANY})
_PARTS = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Tuple,
    nodes.List,
    nodes.Dict,
    nodes.Pair,
    nodes.Keyword,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Call,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Pos,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
)


class TemplateRefusedError(RefusedError):
    """A template that names what does not exist, or does what mails may not do."""


class Sandbox(ImmutableSandboxedEnvironment):
    """Compiles templates that may speak of the known names alone."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, known: Iterable[str], *, autoescape: bool) -> None:
        """For HTML with autoescape, for text without."""
        super().__init__(
            undefined=StrictUndefined, autoescape=autoescape, finalize=said, trim_blocks=True, lstrip_blocks=True
        )
        self.known = frozenset(known)
        self.globals.clear()
        for_one = {name: _within_budget(function, simple) for name, function in FILTERS_FOR_ONE.items()}
        for_many = {name: _within_budget(function) for name, function in FILTERS_FOR_MANY.items()}
        self.filters = {**for_one, **for_many, _TURNS: _turns, _SIMPLE: _within_budget(simple)}
        self.tests = dict(TESTS)

    def compiled(self, source: str) -> Template:
        """The template, or TemplateRefusedError that says what is wrong with it."""
        if len(source) > SOURCE_LENGTH:
            raise TemplateRefusedError(f"the template has {len(source):,} characters and may have {SOURCE_LENGTH:,}")
        try:
            tree = self.parse(source)
            self._refuse_parts(tree)
            self._refuse_names(tree)
            _bound(tree)
            return self.from_string(tree)
        except TemplateError as error:
            raise TemplateRefusedError(f"line {getattr(error, 'lineno', 1)}: {error.message}") from error
        except (RecursionError, MemoryError, ValueError, SyntaxError) as error:
            raise TemplateRefusedError(f"the template cannot be compiled ({error}); make it simpler") from error

    def is_safe_callable(self, obj: Any) -> bool:
        """A few methods of text and of mappings."""
        return is_allowed_method(obj)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item by its number or name."""
        return super().getitem(obj, simple(argument))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what is allowed, within the budget."""
        budget: Budget = context[BUDGET]
        budget.check()
        if not is_allowed_method(obj):
            raise TemplateFailedError(f"{getattr(obj, '__name__', type(obj).__name__)}() cannot be called in messages")
        made = super().call(context, obj, *map(simple, args), **kwargs)
        budget.spend(made)
        return made

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers of ordinary size, and put texts together."""
        budget: Budget = context[BUDGET]
        budget.check()
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            fits(len(left) + len(right))
        elif not (_is_ordinary(left) and _is_ordinary(right)):
            raise TemplateFailedError(f"{operator} needs two numbers of at most 20 digits (or + two texts)")
        made = super().call_binop(context, operator, left, right)
        budget.spend(made)
        return made

    def _refuse_parts(self, tree: nodes.Template) -> None:
        for node in tree.find_all(nodes.Node):
            if not isinstance(node, _PARTS) or (isinstance(node, nodes.For) and node.recursive):
                what = type(node).__name__.lower()
                raise TemplateRefusedError(
                    f"line {node.lineno}: {what!r} is not available in messages. There are {{{{ name }}}}, if, for, "
                    f"set, + - * / // % and these filters: {', '.join(_FILTERS)}."
                )
            if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
                raise TemplateRefusedError(
                    f"line {node.lineno}: there is no filter {node.name!r}; there are {', '.join(_FILTERS)}"
                )
            if isinstance(node, nodes.Pair) and not isinstance(node.key, nodes.Const):
                raise TemplateRefusedError(f"line {node.lineno}: the keys of a mapping must be written out")

    def _refuse_names(self, tree: nodes.Template) -> None:
        used = meta.find_undeclared_variables(tree)
        used |= {node.name for node in tree.find_all(nodes.Name) if node.name == "self"}
        unknown = sorted(used - self.known)
        if unknown:
            names = ", ".join(map(repr, unknown))
            raise TemplateRefusedError(
                f"the template names {names}, which a message does not know; it knows {', '.join(sorted(self.known))}"
            )


def _is_ordinary(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= _LARGEST)


def _bound(tree: nodes.Template) -> None:
    """Make every loop look at the budget, and every comparison at what it compares."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered(loop.iter, _TURNS)
    for comparison in tree.find_all(nodes.Compare):
        comparison.expr = _filtered(comparison.expr, _SIMPLE)
        for operand in comparison.ops:
            if operand.op not in _MEMBERSHIP:
                operand.expr = _filtered(operand.expr, _SIMPLE)


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _within_budget(function: Filter, prepare: Callable[[Any], Any] = lambda value: value) -> Filter:
    wants = getattr(getattr(function, "jinja_pass_arg", None), "name", "")

    @pass_context
    @wraps(function)
    def limited(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        budget: Budget = context.parent[BUDGET]
        budget.check()
        if wants == "eval_context":
            made = function(context.eval_ctx, prepare(value), *args, **kwargs)
        elif wants == "environment":
            made = function(context.environment, prepare(value), *args, **kwargs)
        else:
            made = function(prepare(value), *args, **kwargs)
        budget.spend(made)
        return made

    return limited


@pass_context
def _turns(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget: Budget = context.parent[BUDGET]
    for item in items:
        budget.check()
        yield item
