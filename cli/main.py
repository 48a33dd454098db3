"""The `homeostat` command: one file a subcommand, imported when it is called for."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    # command: module, one line for the help
    "up": ("cli.up", "Keep local Azure and the app running."),
    "demo": ("cli.demo.command", "Play the closed loop on real data."),
    "register": ("cli.register", "Register the pipelines' environments and components."),
    "doctor": ("cli.doctor", "Say what is missing on this machine, and what to do."),
    "rollback": ("cli.rollback", "Roll a model back to the version before, or to another."),
    "policy": ("cli.policy", "Look at policy files."),
    "infra": ("cli.infra", "Check the infrastructure, without Azure."),
    "drift": ("cli.drift", "Profile data, and compare them with a reference."),
    "why": ("cli.why", "Say how a model stands, and what led to it."),
    "lineage": ("cli.lineage", "Say what each version of a model comes from, and where it went."),
    "approve": ("cli.approve:approve_app", "Answer the question that a release waits for."),
    "withdraw": ("cli.approve:withdraw_app", "Take back a release that waits for its approval."),
}


class Late(TyperGroup):
    """Imports a subcommand when it is used: `homeostat --help` needs none of their libraries."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The subcommand: what its module calls `app`, or the name after the colon."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found = typer.main.get_command(getattr(importlib.import_module(module), name or "app"))
        found.name = cmd_name
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The list in the help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


app = typer.Typer(cls=Late, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def homeostat() -> None:
    """Keep machine-learning models on Azure in equilibrium."""


def main() -> None:
    """Entry point."""
    app(prog_name="homeostat")


if __name__ == "__main__":
    main()
