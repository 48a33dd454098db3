"""The page that a link opens: what is asked, what speaks for it, and the form that answers."""

from __future__ import annotations

from typing import Any

from reports.markup import Markup, tag
from reports.page import NOTHING, badge, figures, number, page, section, table


def render(data: dict[str, Any]) -> str:
    """The question as one self-contained HTML file.

    Args:
        data: `model`, `version`, `champion`, `evidence`, `policy`, `report`, `asked`, `expires`, `approvers`,
            `not_author`, `authors`, `judgement` (the gate's audit entry), `release`; and for the form
            `action`, `token`, `form`, `you`, `sign_in`, `longest_reason`.
    """
    model, version = data["model"], data["version"]
    title = f"Release version {version} of {model}?"
    judgement = dict(data.get("judgement") or {})
    return page(
        title,
        tag(
            "header",
            tag("p", f"Homeostat · {model}", class_="eyebrow"),
            tag("h1", title),
            tag("p", _lead(data, judgement), class_="lead"),
        ),
        figures(
            (version, "candidate"),
            (data.get("champion") or "none", "champion"),
            (number(judgement.get("candidate_value")), f"{judgement.get('metric') or 'metric'}, candidate"),
            (number(judgement.get("champion_value")), f"{judgement.get('metric') or 'metric'}, champion"),
        ),
        _checks(judgement),
        _release(dict(data.get("release") or {})),
        _bound(data),
        _form(data),
        tag("footer", "Opening this page changes nothing, and it fetches nothing."),
    )


def outcome(title: str, said: str, note: str) -> str:
    """What became of an answer."""
    return page(
        title,
        tag(
            "header",
            tag("p", "Homeostat", class_="eyebrow"),
            tag("h1", title),
            tag("p", said, class_="lead"),
            tag("p", note, class_="note") if note else None,
        ),
    )


def _lead(data: dict[str, Any], judgement: dict[str, Any]) -> str:
    instead = f" in place of version {data['champion']}" if data.get("champion") else ""
    passed = f" It passed the gate: {judgement['reason']}." if judgement.get("reason") else ""
    return (
        f"Version {data['version']} is ready to take the traffic of the endpoint "
        f"{data['release']['endpoint']}{instead}, step by step.{passed}"
    )


def _checks(judgement: dict[str, Any]) -> Markup:
    checks = [check for check in judgement.get("checks") or [] if isinstance(check, dict)]
    if not checks:
        return section(
            "The gate's checks",
            tag(
                "p",
                "There is no record of a gate for this version: look at its evidence first.",
                class_="note",
            ),
        )
    rows: list[list[object]] = [
        [check.get("name"), badge(check.get("verdict")), check.get("reason")] for check in checks
    ]
    return section("The gate's checks", table([("check", ""), ("verdict", ""), ("numbers", "reason")], rows))


def _release(release: dict[str, Any]) -> Markup:
    steps = " → ".join(f"{step} %" for step in release.get("steps") or [])
    conditions = ", ".join(f"{name} {bound}" for name, bound in (release.get("abort_if") or {}).items())
    return section(
        "What happens after a yes",
        _pairs(
            ("endpoint", release.get("endpoint")),
            ("mirrored traffic", release.get("mirror") or "none"),
            ("share of the traffic", steps),
            ("each step lasts at least", release.get("bake")),
            ("goes back if", conditions or "its golden predictions are wrong"),
            ("when it cannot be judged", release.get("on_inconclusive")),
        ),
    )


def _bound(data: dict[str, Any]) -> Markup:
    authors = data.get("authors")
    made = "nobody knows" if authors is None else ", ".join(authors) or "Homeostat's own retraining"
    return section(
        "What you would approve",
        _pairs(
            ("evidence", tag("code", data["evidence"] or NOTHING)),
            ("policy", tag("code", data["policy"])),
            ("test report", _report(str(data.get("report") or ""))),
            ("made by", made),
            ("approvers", ", ".join(data.get("approvers") or []) or "whoever has this link"),
            ("asked", data["asked"]),
            ("open until", data["expires"]),
        ),
        note="An approval counts for this evidence and this policy. When one changes, it is asked again.",
    )


def _report(address: str) -> object:
    if not address:
        return "none"
    if address.startswith(("https://", "/api/")):
        words = "open it" if address.startswith("/") else address
        return tag("a", words, href=address, rel="noreferrer noopener", target="_blank")
    return tag("code", address)


def _form(data: dict[str, Any]) -> Markup:
    who = f"You answer as {data['you']}." if data.get("you") else "You are not signed in."
    sign_in = data.get("sign_in")
    return section(
        "Your answer",
        tag("p", tag("a", "Sign in", href=sign_in), " to answer under your name.") if sign_in else None,
        tag(
            "form",
            tag("input", type="hidden", name="token", value=data["token"]),
            tag("input", type="hidden", name="form", value=data["form"]),
            tag("label", "Why", for_="reason"),
            tag(
                "textarea", id="reason", name="reason", rows=3, required=True,
                maxlength=data["longest_reason"],
            ),
            tag(
                "p",
                _button("approve", "Approve"),
                _button("reject", "Reject"),
                _button("withdraw", "Withdraw"),
                class_="answers",
            ),
            method="post", action=data["action"], class_="answer",
        ),
        note=f"{who} Your name, the time and your reason are kept in the audit trail.",
    )  # fmt: skip


def _button(verdict: str, words: str) -> Markup:
    return tag("button", words, type="submit", name="verdict", value=verdict, class_=verdict)


def _pairs(*pairs: tuple[str, object]) -> Markup:
    return tag("dl", *(piece for name, value in pairs for piece in (tag("dt", name), tag("dd", value))))


__all__ = ["outcome", "render"]
