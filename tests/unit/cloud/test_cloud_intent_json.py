"""State as JSON and back: nothing is lost, nothing unknown is accepted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.intent_json import SCHEMA, canonical, plain, read
from control.errors import BadData
from control.facts import Batch
from control.state import Intent

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])
TIMES = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
st.register_type_strategy(datetime, TIMES)
st.register_type_strategy(str, TEXT)


@given(intent=st.from_type(Intent))
def test_any_intent_comes_back(intent: Intent) -> None:
    assert read(Intent, canonical(intent), "intent") == intent


@given(batch=st.from_type(Batch))
def test_any_batch_comes_back(batch: Batch) -> None:
    assert read(Batch, canonical(batch), "batch") == batch


@given(intent=st.from_type(Intent))
def test_the_order_of_keys_changes_nothing(intent: Intent) -> None:
    body: dict[str, Any] = json.loads(canonical(intent))
    assert read(Intent, json.dumps(dict(reversed(body.items()))), "intent") == intent


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "intent lacks a field of Intent: model"),
        ({"model": "m", "x": 1}, "intent has a field that Intent does not know: x"),
        ({"model": "m", "retraining": {"fase": "idle"}}, "intent.retraining has a field .* know: fase"),
        ({"model": "m", "retraining": {"phase": "dozing"}}, "intent.retraining.phase must be one of 'idle'"),
        ({"model": "m", "audit_count": True}, "intent.audit_count must be of type int, not True"),
        ({"model": "m", "audit_count": "1"}, "intent.audit_count must be of type int"),
        ({"model": "m", "wake_at": "tomorrow"}, "intent.wake_at must be a time in ISO 8601"),
        ({"model": "m", "wake_at": "2026-01-01T00:00:00"}, "intent.wake_at must be a time with a zone"),
        ({"model": "m", "releasing": {"refused": "7"}}, "intent.releasing.refused must be a list"),
        ({"model": "m", "releasing": {"refused": [7]}}, r"intent.releasing.refused\[0\] must be of type str"),
        ([], "intent must be an object"),
    ],
)
def test_what_does_not_fit_is_named(body: object, message: str) -> None:
    with pytest.raises(BadData, match=message):
        read(Intent, json.dumps(body), "intent")


def test_a_newer_schema_is_refused_as_such() -> None:
    with pytest.raises(BadData, match="newer Homeostat"):
        read(Intent, '{"model":"m","later":1}', "intent", SCHEMA + 1)


def test_numbers_that_json_has_no_word_for_become_text() -> None:
    assert plain({"a": float("nan"), "b": [float("-inf"), 1.5]}) == {"a": "nan", "b": ["-inf", 1.5]}


def test_what_is_not_data_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no place in the ledger"):
        canonical({"a": object()})


def test_durations_and_sets_have_a_plain_form() -> None:
    assert plain({"d": timedelta(minutes=1), "s": frozenset({"b", "a"})}) == {"d": 60.0, "s": ["a", "b"]}
