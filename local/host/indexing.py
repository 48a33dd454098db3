"""Loads a Python app (v2 programming model) and finds its functions, as Microsoft's worker does."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import traceback
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.host.converters import GENERIC, check_annotation

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.host.settings import Settings


class AppBroken(Exception):  # noqa: N818 - reads as what it is
    """The app cannot be loaded; the message says why, with the traceback where there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One bound parameter, or `$return`."""

    binding: dict[str, Any]
    """The binding's JSON, app settings filled in."""
    converter: str
    """The name of the converter: the binding's type, or `generic`."""
    annotation: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """One function of the app."""

    name: str
    call: Callable[..., Any]
    is_async: bool
    folder: Path
    bindings: list[dict[str, Any]]
    trigger: Parameter
    outputs: dict[str, Parameter]
    returns: Parameter | None
    wants_context: bool
    disabled: bool

    @property
    def kind(self) -> str:
        """The trigger's type, e.g. `queueTrigger`."""
        return str(self.trigger.binding["type"])


def load(app: Path, settings: Settings) -> list[Function]:
    """Import `function_app.py` and index its functions.

    Raises:
        AppBroken: it cannot be imported, or defines something that the worker would refuse.
    """
    if not (app / "function_app.py").is_file():
        raise AppBroken(f"there is no function_app.py in {app}")
    sys.path.insert(0, str(app))
    try:
        module = importlib.import_module("function_app")
    except BaseException as err:
        raise AppBroken(f"function_app.py cannot be imported:\n{traceback.format_exc()}") from err
    import azure.functions as func

    registers = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if len(registers) != 1:
        raise AppBroken(
            f"function_app.py must define one FunctionApp at the top; it defines {len(registers)}"
        )
    try:
        found = registers[0].get_functions()
    except Exception as err:
        raise AppBroken(f"the functions cannot be indexed:\n{traceback.format_exc()}") from err
    return [_index(each, app, settings) for each in found]


def _index(defined: Any, app: Path, settings: Settings) -> Function:
    name = str(defined.get_function_name())
    call = defined.get_user_function()
    raw = [json.loads(text) for text in defined.get_raw_bindings()]
    bindings = [settings.fill_in(binding, where=name) for binding in raw]
    parameters = dict(inspect.signature(call).parameters)
    hints = typing.get_type_hints(call)
    bound = {binding["name"]: binding for binding in bindings if binding["name"] != "$return"}
    wants_context = "context" in parameters and "context" not in bound
    declared = set(parameters) - ({"context"} if wants_context else set())
    if declared != set(bound):
        raise AppBroken(
            f"{name}: parameters and bindings differ: "
            f"without a binding {sorted(declared - set(bound))}, "
            f"without a parameter {sorted(set(bound) - declared)}"
        )
    triggers = [each for each in bindings if each["type"].endswith("Trigger")]
    if len(triggers) != 1:
        raise AppBroken(f"{name}: a function has one trigger, this one has {len(triggers)}")
    ends = {each: _parameter(name, binding, hints.get(each)) for each, binding in bound.items()}
    returned = next((each for each in bindings if each["name"] == "$return"), None)
    return Function(
        name=name,
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        folder=app,
        bindings=bindings,
        trigger=ends[triggers[0]["name"]],
        outputs={each: end for each, end in ends.items() if end.binding["direction"] == "OUT"},
        returns=_returns(returned, hints.get("return")),
        wants_context=wants_context,
        disabled=settings.disabled(name),
    )


def _parameter(function: str, binding: dict[str, Any], hint: Any) -> Parameter:
    out = binding["direction"] == "OUT"
    origin = typing.get_origin(hint) or hint
    is_out = getattr(origin, "__name__", "") == "Out"
    if hint is not None and is_out != out:
        raise AppBroken(
            f"{function}: {binding['name']} is an {'output' if out else 'input'} binding, but its annotation "
            f"is {'not ' if out else ''}azure.functions.Out"
        )
    wanted = (typing.get_args(hint) or (None,))[0] if is_out else hint
    converter = GENERIC if wanted in {str, bytes} else str(binding["type"])
    if wanted is not None and not check_annotation(converter, wanted, out=out):
        raise AppBroken(
            f"{function}: the {binding['type']} binding {binding['name']} does not fit its annotation "
            f"{wanted!r}"
        )
    return Parameter(binding=binding, converter=converter, annotation=wanted)


def _returns(binding: dict[str, Any] | None, hint: Any) -> Parameter | None:
    if binding is None:
        return None
    return Parameter(binding=binding, converter=str(binding["type"]), annotation=hint)
