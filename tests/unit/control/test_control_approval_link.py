"""Links: whatever was changed, expired or sealed elsewhere does not open."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.approval import LONGEST_TOKEN, Asked, Sealer, clean, environment, model_named
from control.errors import AnswerRefused

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HERE = environment("s", "g", "w")
SEALER = Sealer(keys=("k" * 40,), environment=HERE, address="https://app.example")
ASKED = Asked(
    model="flight-delay",
    version="7",
    generation=3,
    question=1,
    evidence="e" * 64,
    policy="p" * 64,
    environment=HERE,
    expires=int((NOW + timedelta(days=3)).timestamp()),
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=40)


def kind(token: str, sealer: Sealer = SEALER, now: datetime = NOW) -> tuple[str, int]:
    with pytest.raises(AnswerRefused) as caught:
        sealer.open(token, now)
    return caught.value.kind, caught.value.status


@given(NAMES, NAMES, st.integers(0, 2**40), st.integers(1, 2**20))
def test_what_was_sealed_opens(model: str, version: str, generation: int, question: int) -> None:
    asked = replace(ASKED, model=model, version=version, generation=generation, question=question)
    token = SEALER.seal(asked)
    if len(token) <= LONGEST_TOKEN:
        assert SEALER.open(token, NOW) == asked
        assert model_named(token) == model


@given(st.data())
def test_any_changed_bit_is_refused(data: st.DataObject) -> None:
    token = SEALER.seal(ASKED)
    bit = data.draw(st.integers(0, 8 * len(token) - 1))
    changed = bytearray(token.encode())
    changed[bit // 8] ^= 1 << bit % 8
    assert kind(changed.decode("latin-1"))[0] in {"malformed", "forged"}


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda body: f"v1.{body.hex()}.{'A' * 43}"))
def test_anything_else_is_refused_and_nothing_breaks(text: str) -> None:
    assert kind(text)[1] in {400, 403}
    assert isinstance(model_named(text), str)


@pytest.mark.parametrize("change", [
    {"model": "other"}, {"version": "8"}, {"generation": 4}, {"question": 2}, {"evidence": "f" * 64},
    {"policy": "q" * 64}, {"environment": "0" * 16}, {"expires": ASKED.expires + 1},
])  # fmt: skip
def test_every_part_is_bound(change: dict[str, object]) -> None:
    """A body that says something else, under the seal of the first."""
    body, seal = SEALER.seal(replace(ASKED, **change)).split(".")[1], SEALER.seal(ASKED).split(".")[2]
    assert kind(f"v1.{body}.{seal}") == ("forged", 403)


@given(st.integers(-5, 5))
def test_it_expires_at_its_second_and_not_before(seconds: int) -> None:
    now = datetime.fromtimestamp(ASKED.expires, UTC) + timedelta(seconds=seconds)
    token = SEALER.seal(ASKED)
    if seconds < 0:
        assert SEALER.open(token, now) == ASKED
    else:
        assert kind(token, now=now) == ("expired", 410)
    almost = datetime.fromtimestamp(ASKED.expires, UTC) - timedelta(microseconds=1)
    assert SEALER.open(token, almost) == ASKED


def test_a_link_of_another_environment_is_refused_though_its_seal_is_right() -> None:
    other = replace(SEALER, environment=environment("s", "g", "other"))
    token = other.seal(replace(ASKED, environment=other.environment))
    assert kind(token) == ("environment", 403)
    assert environment("S", "G", "W") == HERE, "Azure's names have no case"


def test_a_key_is_replaced_while_its_links_stand() -> None:
    token = SEALER.seal(ASKED)
    turned = replace(SEALER, keys=("n" * 40, "k" * 40))
    assert turned.open(token, NOW) == ASKED
    assert turned.seal(ASKED) != token
    assert kind(token, replace(SEALER, keys=("n" * 40,))) == ("forged", 403)


def test_without_a_key_nothing_opens_and_nothing_is_sealed() -> None:
    without = replace(SEALER, keys=())
    assert kind(SEALER.seal(ASKED), without) == ("no key", 403)
    with pytest.raises(AnswerRefused, match="HOMEOSTAT_APPROVAL_KEY"):
        without.seal(ASKED)


def test_the_link_shows_the_key_to_nobody() -> None:
    assert "k" * 10 not in SEALER.link(ASKED)
    assert "k" * 10 not in repr(SEALER)
    assert SEALER.link(ASKED).startswith("https://app.example/api/approval?token=v1.")


def test_a_form_fits_its_token_and_its_person_alone() -> None:
    token = SEALER.seal(ASKED)
    form = SEALER.form(token, "jane")
    assert SEALER.fits(form, token, "jane")
    assert not SEALER.fits(form, token, "joe")
    assert not SEALER.fits(form, SEALER.seal(replace(ASKED, version="8")), "jane")
    assert not SEALER.fits("", token, "jane")
    assert not SEALER.fits("ä", token, "jane")
    assert form != token.split(".")[2], "a token is no form"


@given(st.text(max_size=600), st.integers(1, 80))
def test_what_people_write_stays_in_its_line(text: str, longest: int) -> None:
    line = clean(text, longest)
    assert len(line) <= longest
    assert line == line.strip()
    assert not any(char < " " or char in "\x7f\x85\u2028\u2029\u202e\u2066\u200b" for char in line)
    assert clean(line, longest) == line


def test_a_forged_line_of_the_log_is_one_line() -> None:
    assert (
        clean("ok\r\n2026-01-01 ERROR\x1b[31m all is lost\u202e", 80)
        == "ok 2026-01-01 ERROR [31m all is lost"
    )


def test_a_body_that_is_no_object_names_no_model() -> None:
    for body in (b"[1]", b'"x"', b"{", json.dumps({"model": 3}).encode(), b"\xff"):
        import base64

        text = base64.urlsafe_b64encode(body).decode().rstrip("=")
        assert model_named(f"v1.{text}.{'A' * 43}") == ""
