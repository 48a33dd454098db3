"""What a request to the route `approval` brings: a link, a page's form, or a program's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from control.approval import clean
from control.errors import AnswerRefused

if TYPE_CHECKING:
    import azure.functions as func

LONGEST_BODY = 16_384
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The fields of the query and of the body, and how it was sent."""

    fields: Mapping[str, str]
    is_form: bool = False


def headers_of(request: func.HttpRequest) -> dict[str, str]:
    """By name in lower case."""
    return {name.lower(): value for name, value in request.headers.items()}


def wants_page(headers: Mapping[str, str]) -> bool:
    """Whether a page goes back: programs say JSON when they send it, or that they want it."""
    return JSON not in f"{headers.get('accept', '')} {headers.get('content-type', '')}"


def read(request: func.HttpRequest, headers: Mapping[str, str]) -> Given:
    """The request's fields; those of the body count more than those of the query.

    Raises:
        AnswerRefused: the body cannot be read.
    """
    fields = {"token": str(request.params.get("token") or "")}
    if request.method != "POST":
        return Given(fields=fields | {"report": str(request.params.get("report") or "")})
    body = request.get_body()
    if len(body) > LONGEST_BODY:
        raise AnswerRefused("malformed", 413, f"an answer has at most {LONGEST_BODY} bytes")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == JSON:
        return Given(fields=fields | _of_json(body))
    if kind == FORM:
        return Given(fields=fields | _of_form(body), is_form=True)
    raise AnswerRefused("malformed", 415, f"send {FORM} or {JSON}")


def _of_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError as err:
        raise AnswerRefused("malformed", 400, "the form cannot be read") from err
    return {name: values[-1] for name, values in pairs.items()}


def _of_json(body: bytes) -> dict[str, str]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise AnswerRefused("malformed", 400, "the body is not JSON") from err
    if not isinstance(parsed, dict):
        raise AnswerRefused("malformed", 400, "the body is not a JSON object")
    wrong = sorted(name for name, value in parsed.items() if not isinstance(value, str))
    if wrong:
        raise AnswerRefused("malformed", 400, f"{clean(', '.join(wrong), 100)} must be text")
    return dict(parsed)
