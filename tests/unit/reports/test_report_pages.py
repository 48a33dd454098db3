"""The reports: escaped whatever they are given, balanced HTML, and the numbers they were made of."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drift.profile import profile_batches
from drift.verdict import check
from reports import approval, drift, loop
from reports.markup import VOID, join, tag

EVIL = "</title><script>alert(1)</script>\"' onload=x <img src=x onerror=y> & ]]>"


class Outline(HTMLParser):
    """Checks that every element is closed in order; collects elements, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a beginning"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def story(word: str = "x") -> dict[str, Any]:
    names = ["event", "evidence", "decision", "effect", "serving", word]
    records = [
        {"at": f"2026-11-22T10:00:0{at}+00:00", "kind": kind, "model": word, "name": word,
         "detail": {"reason": word, "job": word, word: [word, {word: 1.5}], "none": None},
         "number": at, "previous": f"h{at - 1}", "hash": f"h{at}"}
        for at, kind in enumerate(names)
    ]  # fmt: skip
    records += [
        {"at": word, "kind": "effect", "model": word, "name": "SetTraffic",
         "detail": {"traffic": {word: 25, "g1": 75}, "mirror": {}}},
        {"at": None, "kind": "decision", "model": word, "name": "promoted", "detail": {"version": word, "reason": word}},
    ]  # fmt: skip
    batches = [
        {"path": f"{word}{at}/", "rows": 1000, "quality": "pass", "drift": verdict, "reason": word,
         "columns": [{"name": word, "effect_size": at / 7, "verdict": verdict},
                     {"name": "still", "effect_size": None, "verdict": "pass"}]}
        for at, verdict in enumerate(["pass", "fail", "inconclusive", word])
    ]  # fmt: skip
    evaluations = [
        {"version": word, "job": word, "metric": word, "difference": 0.03, "lower": 0.01, "upper": 0.05,
         "candidate": 0.74, "champion": 0.71, "verdict": verdict, "reason": word}
        for verdict in ("pass", "fail", word)
    ]  # fmt: skip
    serving = {"requests": 1234, "failed": 1, "by_deployment": {word: 1000, "g1": 233}}
    return {"model": word, "title": word, "records": records, "batches": batches, "evaluations": evaluations,
            "serving": serving}  # fmt: skip


def profile(shift: float, name: str = "x") -> Any:
    rng = np.random.default_rng(1)
    n = 3000
    columns = {
        name: rng.normal(shift, 1, n),
        "kind": rng.choice(["a", "b"], n),
        "few": rng.integers(0, 40, n),
        "when": pa.array(rng.integers(0, 10**6, n), pa.timestamp("s")),
        "constant": [1.5] * n,
        "nothing": pa.nulls(n),
        "many": [str(at) for at in range(n)],
        "infinite": [float("inf")] * n,
        "nested": [[1]] * n,
    }
    return profile_batches([pa.table(columns)])


def assert_contained(page: str) -> None:
    """Nothing of the hostile text became markup, and nothing is fetched."""
    outline = Outline(page)
    assert {name for name, _ in outline.seen}.isdisjoint({"img", "link", "iframe", "object"})
    assert len(outline.all("script")) <= 1
    for name, attributes in outline.seen:
        assert not any(key.startswith("on") for key in attributes), (name, attributes)
        assert not {"src", "href"} & set(attributes), (name, attributes)
    assert "<script>alert" not in page
    assert not re.search(r"url\(|@import|https?://", page)


def test_every_value_of_the_story_is_escaped() -> None:
    page = loop.render(story(EVIL))
    assert_contained(page)
    assert "<script>alert(1)</script>" in Outline(page).text.replace("&lt;", "<")


def test_every_value_of_a_drift_check_is_escaped() -> None:
    before, after = profile(0, EVIL), profile(1, EVIL)
    verdict = check(before, after).to_dict()
    verdict["reason"] = EVIL
    assert_contained(drift.render(verdict, title=EVIL, reference=before, current=after))
    assert_contained(drift.render(verdict))


@pytest.mark.parametrize("data", [{}, {"records": [], "batches": [], "evaluations": [], "serving": {}}])
def test_an_empty_story_is_a_page_that_says_so(data: dict[str, Any]) -> None:
    page = loop.render(data)
    assert "Nothing has happened yet." in Outline(page).text
    Outline(drift.render({}))
    Outline(drift.render(check(profile_batches([]), profile_batches([])).to_dict()))


def test_the_story_shows_what_it_was_made_of() -> None:
    page = loop.render(story("flights"))
    text = Outline(page).text
    for said in (
        "4 batches with 4,000 rows arrived.",
        "Drift against the reference was found in flights1, most of all in flights.",
        "3 candidates were trained: 1 passed the gate, 2 did not.",
        "Of 1,234 requests to the endpoint 1 failed.",
        "+0.0300 pass",
        "1,000 answered",
    ):
        assert said in text
    boxes = [box["id"] for box in Outline(page).all("input") if box["type"] == "checkbox"]
    assert boxes == [f"show-{kind}" for kind in loop.KINDS]
    assert all(f"#show-{kind}:not(:checked)) .k-{kind}" in page for kind in loop.KINDS)


def test_every_picture_has_words() -> None:
    before, after = profile(0), profile(1)
    for page in (
        loop.render(story()),
        drift.render(check(before, after).to_dict(), reference=before, current=after),
    ):
        pictures = re.findall(r"<svg [^>]*role=\"img\"[^>]*><title>[^<]+</title>", page)
        assert len(pictures) == page.count("<svg") >= 4


def test_a_chain_that_does_not_hold_is_said() -> None:
    data = story()
    assert "Entry" not in Outline(loop.render(data)).text
    data["records"][3]["previous"] = "other"
    assert "Entry 3 does not follow the one before it." in Outline(loop.render(data)).text
    for record in data["records"]:
        record.pop("hash", None)
    assert "carry no hashes" in Outline(loop.render(data)).text


def test_columns_that_fail_come_first() -> None:
    before, after = profile(0, "zz"), profile(1, "zz")
    page = drift.render(check(before, after).to_dict(), reference=before, current=after)
    assert page.index("<b>zz</b>") < page.index("<b>constant</b>")
    assert "columns changed" in Outline(page).text


def test_odd_numbers_do_not_break_the_charts() -> None:
    data = story()
    data["batches"][0]["columns"][0]["effect_size"] = float("nan")
    data["batches"][1]["columns"][0]["effect_size"] = float("inf")
    data["evaluations"][0]["difference"] = "broken"
    data["serving"] = {"requests": None, "failed": None, "by_deployment": {"g1": None}}
    for value in (0.0, 1e-12, 1e12):
        data["batches"][2]["columns"][0]["effect_size"] = value
        page = loop.render(data)
        Outline(page)
        assert page.count('class="grid"') < 60
        assert not re.search(r"=\"-?(nan|inf)", page)


def test_markup_escapes_unless_it_is_markup() -> None:
    assert (
        tag("p", "<b>", tag("b", "&"), None, title='"', hidden=False)
        == '<p title="&quot;">&lt;b&gt;<b>&amp;</b></p>'
    )
    assert join("a<", tag("br")) == "a&lt;<br>"
    assert join(tag("i", "x") + "<evil>") == "&lt;i&gt;x&lt;/i&gt;&lt;evil&gt;"


def question(word: str) -> dict[str, Any]:
    return {
        "model": word, "version": word, "champion": word, "evidence": word, "policy": word, "report": word,
        "asked": word, "expires": word, "approvers": [word], "not_author": True, "authors": [word],
        "judgement": {"metric": word, "reason": word, "candidate_value": 0.8, "champion_value": None,
                      "checks": [{"name": word, "verdict": "pass", "reason": word}, word]},
        "release": {"endpoint": word, "mirror": word, "steps": [5, 100], "bake": word, "abort_if": {word: word},
                    "on_inconclusive": word},
        "action": "/api/approval", "token": word, "form": word, "you": word, "sign_in": "/.auth/x",
        "longest_reason": 500,
    }  # fmt: skip


def test_the_question_is_escaped_and_its_form_is_all_that_acts() -> None:
    page = Outline(approval.render(question(EVIL)))
    assert not page.all("script")
    assert not page.all("img")
    assert [(form["method"], form["action"]) for form in page.all("form")] == [("post", "/api/approval")]
    assert [button["value"] for button in page.all("button")] == ["approve", "reject", "withdraw"]
    assert {one["name"]: one["value"] for one in page.all("input")} == {"token": EVIL, "form": EVIL}
    assert [link["href"] for link in page.all("a")] == ["/.auth/x"], (
        "a report that is no https address is text"
    )


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "http://r", "data:text/html,x", "//r", "azureml:x"]
)
def test_only_https_becomes_a_link(address: str) -> None:
    page = Outline(approval.render({**question("x"), "report": address, "sign_in": None}))
    assert page.all("a") == []
    assert address in page.text
    linked = Outline(approval.render({**question("x"), "report": "https://r", "sign_in": None}))
    assert [link["href"] for link in linked.all("a")] == ["https://r"]


def test_a_question_without_a_gate_and_without_an_author_says_so() -> None:
    bare = {**question("x"), "judgement": {}, "authors": None, "champion": None, "you": None, "report": ""}
    text = Outline(approval.render(bare)).text
    for said in ("no record of a gate", "nobody knows", "You are not signed in", "none"):
        assert said in text
    assert EVIL in Outline(approval.outcome(EVIL, EVIL, EVIL)).text
