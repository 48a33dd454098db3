"""Values in and out of functions, by azure.functions' own converters: the worker's registry too."""

from __future__ import annotations

import json
from typing import Any

from azure.functions import get_binding_registry
from azure.functions.meta import Datum

GENERIC = "generic"
"""Parameters annotated `str` or `bytes`: the worker passes these through as they are."""


def check_annotation(converter: str, annotation: Any, *, out: bool) -> bool:
    """Whether the binding takes a parameter so annotated."""
    if converter == GENERIC:
        return True
    known = get_binding_registry().get(converter)
    if known is None:
        return True
    try:
        check = known.check_output_type_annotation if out else known.check_input_type_annotation
        return bool(check(annotation))
    except TypeError:  # issubclass() of what is no class: list[...], a union
        return False


def decode(converter: str, datum: Datum, metadata: dict[str, Datum]) -> Any:
    """What the function gets."""
    if converter == GENERIC:
        return datum.value
    known = get_binding_registry().get(converter)
    if known is None:
        raise TypeError(f"the binding {converter} is not known to azure.functions")
    return known.decode(datum, trigger_metadata=metadata)


def encode(converter: str, value: Any, annotation: Any) -> Datum:
    """What a function gave, as the host takes it."""
    if converter == GENERIC:
        return _encode_generic(value)
    known = get_binding_registry().get(converter)
    try:
        return known.encode(value, expected_type=annotation)
    except NotImplementedError as err:
        raise TypeError(
            f'unable to encode outgoing TypedData: unsupported type "{converter}" for Python type '
            f'"{type(value).__name__}"'
        ) from err


def _encode_generic(value: Any) -> Datum:
    if isinstance(value, str):
        return Datum(value, "string")
    if isinstance(value, (bytes, bytearray)):
        return Datum(bytes(value), "bytes")
    if isinstance(value, (dict, list)):
        return Datum(json.dumps(value), "json")
    raise TypeError(f"unable to encode outgoing TypedData: unsupported Python type {type(value).__name__!r}")
