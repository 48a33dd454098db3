"""Queries in files: their values are put in place, and nothing that is no name gets into them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kql import FOLDER, LET, query
from control.errors import Refused

VALUES = {
    "of_workspace": "prod",
    "of_endpoint": "flight-delay",
    "of_deployments": ["g001", "g002"],
    "since": datetime(2026, 1, 1, 1, 2, 3, 456000, tzinfo=timezone(timedelta(hours=1))),
    "until": datetime(2026, 1, 1, 4, tzinfo=timezone.utc),  # noqa: UP017 - beside the other zone
    "our_agent": "homeostat",
}


def test_values_take_the_place_of_the_examples() -> None:
    text = query("traffic", VALUES)
    assert [line for line in text.splitlines() if line.startswith("let ")] == [
        'let of_workspace = "prod";',
        'let of_endpoint = "flight-delay";',
        'let of_deployments = dynamic(["g001", "g002"]);',
        "let since = datetime(2026-01-01T00:02:03.456000Z);",
        "let until = datetime(2026-01-01T04:00:00.000000Z);",
        'let our_agent = "homeostat";',
    ]
    example = (FOLDER / "traffic.kql").read_text("utf-8")
    assert LET.sub("", text) == LET.sub("", example)


@pytest.mark.parametrize("name", [file.stem for file in FOLDER.glob("*.kql")])
def test_every_query_has_its_parameters_first(name: str) -> None:
    text = (FOLDER / f"{name}.kql").read_text("utf-8")
    code = [line for line in text.splitlines() if line and not line.startswith("//")]
    lets = LET.findall(text)
    assert lets
    assert all(line.startswith("let ") for line in code[: len(lets)])


@given(st.text(max_size=40))
def test_only_names_get_into_a_query(text: str) -> None:
    for field in ("of_workspace", "of_endpoint", "of_deployments"):
        given = {**VALUES, field: [text] if field == "of_deployments" else text}
        try:
            made = query("traffic", given)
        except Refused:
            continue
        assert text.isascii()
        assert all(one.isalnum() or one in "._-" for one in text)
        assert made.count('"') == query("traffic", VALUES).count('"') - (
            2 if field == "of_deployments" else 0
        )


@pytest.mark.parametrize(
    "bad", ['x" | union Secrets //', "x\n| take 1", "", "a b", "g001\\", "-g001", "x" * 200]
)
def test_what_is_no_name_is_refused(bad: str) -> None:
    with pytest.raises(Refused, match="no name of Azure ML"):
        query("traffic", {**VALUES, "of_endpoint": bad})


def test_other_values_than_the_query_wants_are_a_bug() -> None:
    with pytest.raises(ValueError, match="wants"):
        query("traffic", {"of_endpoint": "x"})
