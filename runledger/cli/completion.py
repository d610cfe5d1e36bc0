"""`runledger completion`: what a shell needs to complete our commands and options."""

import click
from click.shell_completion import get_completion_class

from runledger.cli.shared import Verb

_VARIABLE = "_RUNLEDGER_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Verb)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Let a shell complete our commands with the Tab key.

    \b
    bash:  eval "$(runledger completion bash)"     in ~/.bashrc
    zsh:   eval "$(runledger completion zsh)"      in ~/.zshrc
    fish:  runledger completion fish | source      in ~/.config/fish/config.fish
    """  # noqa: D301 - Click looks for the character itself
    kind = get_completion_class(shell)
    root = click.get_current_context().find_root()
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    # The script alone: `source()` of bash asks which version is installed, and writes to stdout if it is old.
    complete = kind(root.command, {}, root.info_name or "runledger", _VARIABLE)
    click.echo(complete.source_template % complete.source_vars())
