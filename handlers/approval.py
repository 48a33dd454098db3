"""A person's answer over HTTP: GET shows what is asked and changes nothing, POST decides.

The answer is written into the intent by compare-and-swap; a wake-up then brings the release machine to it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from control.answering import LONGEST_REASON, VERDICTS, answered, refused, standing
from control.approval import ROUTE, Asked, clean, model_named
from control.approvers import Principal
from control.errors import AnswerRefused, HomeostatError, PolicyError, TransientError
from control.messages import Message
from control.policy import Policy
from control.ports import Note, Services
from control.state import Intent
from handlers.amend import amend

if TYPE_CHECKING:
    import azure.functions as func

log = logging.getLogger("homeostat.approval")

LONGEST_BODY = 16_384
LATEST_ENTRIES = 300
"""Of the audit trail, for the checks of the gate: what waits was judged a short while ago."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What goes back: JSON for programs, a page for browsers."""

    status: int
    body: str
    is_page: bool

    @property
    def headers(self) -> dict[str, str]:
        """With the kind of content."""
        kind = "text/html; charset=utf-8" if self.is_page else "application/json"
        return {**HEADERS, "Content-Type": kind}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """What a request brings."""

    fields: Mapping[str, str]
    headers: Mapping[str, str]
    wants_page: bool
    is_form: bool


def answer(request: func.HttpRequest, services: Services, wake: Callable[[str], None]) -> Reply:
    """Answer a request to the route `approval`; `wake` puts a message on `work`."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    wants_page = "application/json" not in f"{headers.get('accept', '')} {headers.get('content-type', '')}"
    model, principal = "", None
    try:
        given = _given(request, headers, wants_page)
        model = model_named(given.fields.get("token", "")) or given.fields.get("model", "")
        principal = services.identities.who(headers)
        if request.method == "POST":
            return _decide(given, principal, services, wake)
        return _show(given, principal, services)
    except AnswerRefused as refusal:
        log.warning(
            "an answer about %r was refused: %s: %s",
            clean(model, 100),
            refusal.kind,
            clean(str(refusal), 300),
        )
        if request.method == "POST":  # GET never writes
            _record(model, refusal, principal, services)
        return _refusal(refusal.status, refusal.kind, str(refusal), wants_page)
    except PolicyError as fault:
        log.warning("an answer about %r must wait: %s", clean(model, 100), fault)
        return _refusal(409, "policy", "the model's policy is wrong: it must be mended first", wants_page)
    except TransientError as fault:
        log.warning("an answer about %r must wait: %s", clean(model, 100), fault)
        return _refusal(503, "unavailable", "this cannot be written at the moment: try again", wants_page)


def _given(request: func.HttpRequest, headers: Mapping[str, str], wants_page: bool) -> _Given:  # noqa: FBT001
    fields = {"token": str(request.params.get("token") or "")}
    if request.method != "POST":
        return _Given(fields=fields, headers=headers, wants_page=wants_page, is_form=False)
    body = request.get_body()
    if len(body) > LONGEST_BODY:
        raise AnswerRefused("malformed", 413, f"an answer has at most {LONGEST_BODY} bytes")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        fields |= _json_fields(body)
    elif kind == "application/x-www-form-urlencoded":
        text = body.decode("utf-8", "replace")
        try:
            fields |= {name: values[-1] for name, values in parse_qs(text, max_num_fields=20).items()}
        except ValueError as err:
            raise AnswerRefused("malformed", 400, "the form cannot be read") from err
    else:
        raise AnswerRefused("malformed", 415, "send a form or application/json")
    is_form = kind != "application/json"
    return _Given(fields=fields, headers=headers, wants_page=wants_page, is_form=is_form)


def _json_fields(body: bytes) -> dict[str, str]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise AnswerRefused("malformed", 400, "the body is not JSON") from err
    if not isinstance(parsed, dict):
        raise AnswerRefused("malformed", 400, "the body is not a JSON object")
    wrong = [name for name, value in parsed.items() if not isinstance(value, str)]
    if wrong:
        raise AnswerRefused("malformed", 400, f"{clean(', '.join(sorted(wrong)), 100)} must be text")
    return dict(parsed)


def _decide(
    given: _Given, principal: Principal | None, services: Services, wake: Callable[[str], None]
) -> Reply:
    now = services.clock.now()
    asked = _asked(given, principal, services, now)
    if given.is_form:
        whose = principal.id if principal else ""
        token = given.fields["token"]
        if not services.sealer.fits(given.fields.get("form", ""), token, whose):
            raise AnswerRefused(
                "another page", 403, "this form does not come from the link's own page: open the link again"
            )
    verdict = given.fields.get("verdict", "")
    if verdict not in VERDICTS:
        raise AnswerRefused("malformed", 400, f"verdict must be one of {', '.join(VERDICTS)}")
    policy = _policy(asked.model, services)
    reason = given.fields.get("reason", "")

    def change(intent: Intent, at: datetime) -> tuple[Intent, Any]:
        return answered(policy, intent, asked, verdict, principal, reason, at)  # type: ignore[arg-type]

    (note,) = amend(asked.model, "the answer", change, services)
    wake(Message(kind="reconcile", model=asked.model, source="approval").to_json())
    log.info("%s: version %s: %s", asked.model, asked.version, verdict)
    return _taken(asked, note, given.wants_page)


def _asked(given: _Given, principal: Principal | None, services: Services, now: datetime) -> Asked:
    """What is answered: the token's question, or, with a proven identity, the one that is named."""
    token, model = given.fields.get("token", ""), given.fields.get("model", "")
    if token:
        return services.sealer.open(token, now)
    if given.is_form or not model:
        raise AnswerRefused("malformed", 400, "there is no token")
    policy = _policy(model, services)
    if principal is None or not policy.approval.approvers:
        raise AnswerRefused(
            "identity", 401, "without a link it takes a bearer token, and a policy that names approvers"
        )
    asked = services.sealer.asked(services.ledger.load(model)[0])
    if asked is None:
        raise AnswerRefused("stale", 409, f"nothing of {model} waits for an answer")
    for name, stands in (("version", asked.version), ("evidence", asked.evidence)):
        if given.fields.get(name) != stands:
            raise AnswerRefused("stale", 409, f"{name} must be the one that waits: {stands}")
    if asked.expires <= now.timestamp():
        raise AnswerRefused("expired", 410, "the question has expired")
    return asked


def _show(given: _Given, principal: Principal | None, services: Services) -> Reply:
    from reports.approval import render

    token = given.fields["token"]
    asked = services.sealer.open(token, services.clock.now())
    policy = _policy(asked.model, services)
    intent, _ = services.ledger.load(asked.model)
    candidate, question = standing(policy, intent, asked)
    champion = intent.releasing.champion
    judged = _judgement(asked, intent, services)
    data = {
        "model": asked.model,
        "version": asked.version,
        "champion": champion.version if champion else None,
        "evidence": asked.evidence,
        "policy": asked.policy,
        "report": candidate.report,
        "asked": question.asked.isoformat(),
        "expires": question.expires.isoformat(),
        "approvers": list(policy.approval.approvers),
        "not_author": policy.approval.not_author,
        "authors": list(candidate.authors) if candidate.authors is not None else None,
        "judgement": judged,
        "release": _steps(policy),
    }
    if not given.wants_page:
        return Reply(status=200, body=json.dumps(data, default=str), is_page=False)
    whose = principal.id if principal else ""
    shown = data | {
        "action": ROUTE,
        "token": token,
        "form": services.sealer.form(token, whose),
        "you": principal.label if principal else None,
        "sign_in": services.identities.sign_in(f"{ROUTE}?token={token}") if principal is None else None,
        "longest_reason": LONGEST_REASON,
    }
    return Reply(status=200, body=render(shown), is_page=True)


def _judgement(asked: Asked, intent: Intent, services: Services) -> dict[str, Any]:
    """The newest entry that holds the gate's checks of that version."""
    found: dict[str, Any] = {}
    first = max(1, intent.audit_count - LATEST_ENTRIES + 1)
    for entry in services.ledger.audit(asked.model, first):
        detail = entry.get("detail") or {}
        if detail.get("checks") and str(detail.get("version")) == asked.version:
            found = detail
    return found


def _steps(policy: Policy) -> dict[str, Any]:
    release = policy.release
    mirror = f"{release.mirror_percent} % for {release.mirror_for}" if release.mirror_percent else None
    return {
        "endpoint": release.endpoint,
        "mirror": mirror,
        "steps": list(release.steps),
        "bake": str(release.bake),
        "abort_if": dict(release.abort_if),
        "on_inconclusive": release.on_inconclusive,
    }


def _policy(model: str, services: Services) -> Policy:
    policy = services.policies.get(model) if model in services.policies.names() else None
    if policy is None:
        raise AnswerRefused("unknown model", 404, "no policy manages that model here")
    return policy


def _record(model: str, refusal: AnswerRefused, principal: Principal | None, services: Services) -> None:
    """Into the audit trail of a model that we manage; where that fails, the answer is the same."""
    try:
        if model in services.policies.names():
            amend(model, "a refusal", lambda intent, now: refused(intent, refusal, principal, now), services)
    except HomeostatError as fault:
        log.warning("a refused answer is not in the audit trail: %s", fault)


def _taken(asked: Asked, note: Note, wants_page: bool) -> Reply:  # noqa: FBT001
    told = {"model": asked.model, **note.detail}
    if not wants_page:
        return Reply(status=200, body=json.dumps(told), is_page=False)
    from reports.approval import outcome

    done = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}[note.detail["verdict"]]
    title = f"Version {asked.version} of {asked.model} is {done}"
    said = f"By {note.detail['by']}: {note.detail['reason']}"
    return Reply(status=200, body=outcome(title, said, "This link has served its purpose."), is_page=True)


def _refusal(status: int, kind: str, message: str, wants_page: bool) -> Reply:  # noqa: FBT001
    if not wants_page:
        return Reply(status=status, body=json.dumps({"error": message, "kind": kind}), is_page=False)
    from reports.approval import outcome

    return Reply(status=status, body=outcome("Nothing was decided", message, ""), is_page=True)
