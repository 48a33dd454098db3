"""What the SDKs raise becomes what the app understands, and bugs stay bugs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import requests
from azure.ai.ml.exceptions import MlException
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseTimeoutError

from cloud.errors import NotFound, translated
from control.errors import BadData, Conflict, Refused, Unavailable


def answered(status: int) -> HttpResponseError:
    error = HttpResponseError(message=f"answer {status}\nwith details")
    error.response = SimpleNamespace(status_code=status)  # type: ignore[assignment]
    error.status_code = status
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered(400), Refused),
        (answered(401), Refused),
        (answered(403), Refused),
        (answered(404), NotFound),
        (answered(408), Unavailable),
        (answered(409), Unavailable),
        (answered(429), Unavailable),
        (answered(500), Unavailable),
        (answered(503), Unavailable),
        (ServiceRequestError("no route"), Unavailable),
        (ServiceResponseTimeoutError("late"), Unavailable),
        (requests.ConnectionError("down"), Unavailable),
        (ConnectionResetError("gone"), Unavailable),
        (MlException(message="bad name", no_personal_data_message=""), Refused),
    ],
    ids=lambda value: getattr(value, "__name__", str(value).split("\n", maxsplit=1)[0]),
)
def test_translation(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"^reading x: ") as caught, translated("reading x"):
        raise error
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [409, 412])
def test_the_ledger_calls_a_changed_row_a_conflict(status: int) -> None:
    with pytest.raises(Conflict), translated("committing", changed=Conflict):
        raise answered(status)


def test_an_answer_inside_an_sdks_own_error_counts() -> None:
    wrapped = MlException(message="wrapped", no_personal_data_message="")
    wrapped.__cause__ = answered(404)
    with pytest.raises(NotFound), translated("reading"):
        raise wrapped


@pytest.mark.parametrize("error", [BadData("x"), KeyError("bug"), TypeError("bug")])
def test_what_is_ours_and_what_is_a_bug_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated("reading"):
        raise error
    assert caught.value is error


def test_the_fault_is_found_in_painted_advice() -> None:
    text = "\n\x1b[37m\n\x1b[30m\n1) One or more fields are invalid\x1b[39m\n\nDetails: \n\n\x1b[31m(x) name: too short.\x1b[39m\n\nAdvice"
    with pytest.raises(Refused) as caught, translated("deploying"):
        raise MlException(message=text, no_personal_data_message="")
    assert str(caught.value) == "deploying: name: too short."
