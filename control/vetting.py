"""VETTING: a version that somebody registered by hand is evaluated and judged before it goes anywhere. Pure.

Idle, Launching, Running, Gating. Tags prove nothing: anybody can write them. A version is ours only when the
ledger says so, and its evidence counts only from an evaluation job of ours, by the digest of what it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from control.decision import Decision, decided
from control.effects import Notify, SubmitEvaluation
from control.facts import Batch, Facts, ModelVersion
from control.gate import judge
from control.job_times import LOST
from control.names import evaluation_name, report_uri
from control.policy import Policy
from control.release import EVIDENCE_TAG, REPORT_TAG, propose
from control.state import Evaluating, Intent, OwedReport

RESTING = frozenset({"none", "promoted"})
WAITING = frozenset({"idle", "backoff"})


def looks(policy: Policy, intent: Intent) -> bool:
    """Whether the registered versions are looked at now: not while one of our own is being registered."""
    return (
        policy.gates.job is not None
        and intent.vetting.phase == "idle"
        and intent.releasing.phase in RESTING
        and intent.retraining.phase in WAITING
    )


def known(intent: Intent, versions: Sequence[str]) -> Intent:
    """The intent that has nothing more to find out about these versions."""
    new = tuple(version for version in versions if version not in intent.vetting.known)
    vetting = replace(intent.vetting, known=(*intent.vetting.known, *new))
    return replace(intent, vetting=vetting) if new else intent


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """One step of the machine."""
    step = {"idle": _idle, "launching": _launching, "running": _running, "gating": _gating}
    return step[intent.vetting.phase](policy, intent, facts, now)


def evaluation_refused(policy: Policy, intent: Intent, now: datetime, reason: str) -> Decision:
    """Azure ML refused the job: the same request will be refused again."""
    return _failed(policy, intent, now, f"Azure ML refused the job: {reason}")


def _idle(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    state = intent.vetting
    if not looks(policy, intent):
        return Decision(intent=intent)
    if state.not_before is not None and now < state.not_before:
        return Decision(intent=intent, wake=state.not_before - now)
    fresh, older, newer = unknown(intent, facts.models)
    if older:
        note = decided(now, "passed over", versions=older, reason=f"version {newer} is newer")
        return Decision(intent=known(intent, older), notes=(note,))
    if fresh is None:
        return Decision(intent=intent)
    rows = _rows(policy, facts.batches)
    if not rows:
        return Decision(intent=intent)  # the next batch wakes the model
    evaluating = _evaluating(policy, intent, fresh, rows, now)
    launching = replace(
        state, phase="launching", current=evaluating, number=evaluating.number, not_before=None
    )
    note = decided(
        now,
        "evaluate",
        version=fresh,
        job=evaluating.job,
        evaluation=list(rows),
        champion=evaluating.champion,
        reason="registered by somebody, without evidence of ours",
        policy=policy.digest[:12],
    )
    return Decision(intent=replace(intent, vetting=launching), notes=(note,))


def is_known(intent: Intent, version: str) -> bool:
    """Whether the ledger knows that version: ours, or one that was looked at."""
    return version in _seen(intent)


def _seen(intent: Intent) -> set[str]:
    state = intent.releasing
    seen = {one.version for one in state.released} | {*state.refused, *intent.vetting.known}
    return seen | ({state.champion.version} if state.champion else set())


def unknown(intent: Intent, models: Sequence[ModelVersion]) -> tuple[str | None, list[str], str]:
    """The version that is news, those that a newer one has overtaken, and which one that is."""
    seen = _seen(intent)
    greatest = max((int(version) for version in seen if version.isdecimal()), default=0)
    unknown = [model.version for model in models if model.version not in seen]
    late = [version for version in unknown if version.isdecimal() and int(version) < greatest]
    fresh = [version for version in unknown if version not in late]
    newest = fresh[-1] if fresh else None
    return newest, [*late, *fresh[:-1]], newest or str(greatest)


def _rows(policy: Policy, batches: Sequence[Batch]) -> tuple[str, ...]:
    """The newest good batches: as many as judge a retrained candidate."""
    good = sorted((batch for batch in batches if batch.quality == "pass"), key=lambda batch: batch.path)
    return tuple(batch.version for batch in good[-max(1, policy.retrain.data.evaluate) :])


def _evaluating(
    policy: Policy, intent: Intent, version: str, rows: tuple[str, ...], now: datetime
) -> Evaluating:
    champion = intent.releasing.champion.version if intent.releasing.champion else None
    number = intent.vetting.number + 1
    content = {"version": version, "evaluation": rows, "champion": champion, "policy": policy.digest}
    return Evaluating(
        number=number,
        version=version,
        job=evaluation_name(policy.name, number, content),
        evaluation=rows,
        champion=champion,
        policy_digest=policy.digest,
        launched=now,
    )


def _launching(_policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    current = _current(intent)
    if facts.vetting_job is None or facts.vetting_job.name != current.job:
        return Decision(intent=intent, wake=LOST)
    if facts.vetting_job.status == "missing":
        return Decision(intent=intent, effects=(SubmitEvaluation(evaluating=current),))
    running = replace(intent.vetting, phase="running")
    note = decided(now, "job accepted", job=current.job)
    return Decision(intent=replace(intent, vetting=running), notes=(note,))


def _running(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    current, job = _current(intent), facts.vetting_job
    if job is None or job.name != current.job or job.status == "active":
        return Decision(intent=intent)  # the job's own event, or reconcile, comes back here
    if job.status == "completed":
        gating = replace(intent.vetting, phase="gating")
        note = decided(now, "job completed", job=current.job)
        return Decision(intent=replace(intent, vetting=gating), notes=(note,))
    if job.status == "missing" and now - current.launched < LOST:
        return Decision(intent=intent, wake=LOST - (now - current.launched))
    what = "the job is lost" if job.status == "missing" else f"the job {job.status}"
    return _failed(policy, intent, now, f"{what}: {job.reason}" if job.reason else what)


def _failed(policy: Policy, intent: Intent, now: datetime, reason: str) -> Decision:
    state, current = intent.vetting, _current(intent)
    attempts = state.attempts + 1
    if attempts >= policy.retrain.max_attempts:
        why = f"it could not be evaluated in {attempts} attempts: {reason}"
        return _refused(intent, now, why, {"job": current.job})
    wait = policy.retrain.backoff * 2 ** (attempts - 1)
    again = replace(state, phase="idle", current=None, attempts=attempts, not_before=now + wait)
    note = decided(
        now, "evaluation failed", version=current.version, job=current.job, attempts=attempts, reason=reason
    )
    return Decision(intent=replace(intent, vetting=again), notes=(note,), wake=wait)


def _gating(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    current = _current(intent)
    if intent.releasing.phase not in RESTING or intent.retraining.phase not in WAITING:
        return Decision(intent=intent)  # one candidate at a time: their own wake-ups come back here
    champion = intent.releasing.champion.version if intent.releasing.champion else None
    if champion != current.champion or policy.digest != current.policy_digest:
        # It was compared with somebody who does not answer any more, or by rules that changed.
        again = replace(intent.vetting, phase="idle", current=None)
        note = decided(now, "evaluation is stale", version=current.version, job=current.job)
        return Decision(intent=replace(intent, vetting=again), notes=(note,))
    judgement = judge(policy.gates, facts.vetting_evaluation, champion)
    evidence = facts.vetting_evaluation.digest if facts.vetting_evaluation else ""
    detail: dict[str, Any] = {
        "job": current.job,
        "verdict": judgement.verdict,
        "evidence": evidence or None,
        "policy": policy.digest[:12],
        "champion": champion,
        "checks": [
            {"name": check.name, "verdict": check.verdict, "reason": check.reason}
            for check in judgement.checks
        ],
    }
    if facts.vetting_evaluation is not None and not facts.vetting_evaluation.fault:
        detail["report"] = report_uri(policy.name, current.job)
        intent = replace(intent, report=_owed(current, evidence, now))
    if judgement.verdict != "pass":
        return _refused(intent, now, judgement.reason, detail)
    model = next((model for model in facts.models if model.version == current.version), None)
    if model is None:
        return _refused(intent, now, "it is registered no longer", detail)
    note = decided(now, "candidate passed", version=current.version, reason=judgement.reason, **detail)
    ended = replace(intent.vetting, phase="idle", current=None, attempts=0)
    vouched = replace(model, tags={EVIDENCE_TAG: evidence, REPORT_TAG: detail.get("report", "")})
    proposed = propose(policy, known(replace(intent, vetting=ended), [current.version]), vouched, now)
    return replace(proposed, notes=(note, *proposed.notes))


def _owed(current: Evaluating, evidence: str, now: datetime) -> OwedReport:
    return OwedReport(
        job=current.job,
        version=current.version,
        champion=current.champion,
        evidence=evidence,
        policy_digest=current.policy_digest,
        since=now,
    )


def _refused(intent: Intent, now: datetime, reason: str, detail: dict[str, Any]) -> Decision:
    version = _current(intent).version
    ended = replace(intent.vetting, phase="idle", current=None, attempts=0, not_before=None)
    refused = replace(intent.releasing, refused=(*intent.releasing.refused, version))
    after = known(replace(intent, vetting=ended, releasing=refused), [version])
    note = decided(now, "candidate refused", version=version, reason=reason, **detail)
    text = f"{intent.model}: version {version}, registered by somebody, is refused: {reason}"
    return Decision(intent=after, notes=(note,), effects=(Notify(text=text),))


def _current(intent: Intent) -> Evaluating:
    current = intent.vetting.current
    if current is None:
        raise ValueError(f"{intent.model}: vetting {intent.vetting.phase} without a version")
    return current
