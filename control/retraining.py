"""The RETRAIN machine of one model: Idle, Launching, Running, Gating, Registering, Backoff. Pure.

Evidence only raises the wanted epoch; a retraining answers the greatest one. So a storm of evidence while a
job runs is one more retraining at most, and evidence that teaches nothing new is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from control.decision import Decision, decided
from control.effects import Notify, RegisterModel, SubmitJob
from control.facts import Batch, Facts, ModelVersion
from control.gate import judge
from control.job_times import LOST
from control.names import job_name, report_uri
from control.policy import Policy
from control.ports import Note
from control.refreshing import before_launch
from control.release import EVIDENCE_TAG, propose
from control.state import Intent, OwedReport, Retraining, Training
from control.vetting import known

MONTH = timedelta(days=31)
REMEMBERED = 50


def evidence(
    intent: Intent, now: datetime, key: str, reason: str, **detail: Any
) -> tuple[Intent, tuple[Note, ...]]:
    """Take one piece of evidence that the model should be retrained; the same key again changes nothing."""
    if key in intent.retraining.seen:
        return intent, ()
    epoch = intent.retraining.wanted + 1
    raised = replace(_heard(intent.retraining, key), wanted=epoch, wanted_since=now)
    note = Note(at=now, kind="evidence", name=reason, detail={"epoch": epoch, "key": key, **detail})
    return replace(intent, retraining=raised), (note,)


def happening(
    intent: Intent, now: datetime, key: str, name: str, **detail: Any
) -> tuple[Intent, tuple[Note, ...]]:
    """Take note of something that asks for no retraining; the same key again changes nothing."""
    if key in intent.retraining.seen:
        return intent, ()
    note = Note(at=now, kind="event", name=name, detail={**detail, "key": key})
    return replace(intent, retraining=_heard(intent.retraining, key)), (note,)


def code_seen(intent: Intent, now: datetime, code: str, source: str) -> tuple[Intent, tuple[Note, ...]]:
    """Compare the code that a job would run (a digest) with the code at the last look.

    Other code is evidence. The first look only remembers: nobody knows what the code was before.
    """
    state = intent.retraining
    if code == state.code:
        return intent, ()
    if state.code is None:
        first = replace(state, code=code, learned_code=code)
        note = Note(at=now, kind="event", name="code", detail={"code": code, "source": source})
        return replace(intent, retraining=first), (note,)
    seen = replace(intent, retraining=replace(state, code=code))
    key = f"code {code} after {state.code}, epoch {state.wanted}"  # back to older code is a change, too
    return evidence(seen, now, key, "code changed", code=code, before=state.code, source=source)


def _heard(retraining: Retraining, key: str) -> Retraining:
    return replace(retraining, seen=(*retraining.seen, key)[-REMEMBERED:])


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """One step of the machine."""
    step = {
        "idle": _idle,
        "backoff": _backoff,
        "launching": _launching,
        "running": _running,
        "gating": _gating,
        "registering": _registering,
    }[intent.retraining.phase]
    return step(policy, intent, facts, now)


def launch_refused(policy: Policy, intent: Intent, now: datetime, reason: str) -> Decision:
    """Azure ML refused the job: the same request will be refused again, so this is a failed attempt."""
    return _failed(policy, intent, now, f"Azure ML refused the job: {reason}")


def _idle(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    state = intent.retraining
    if state.wanted <= state.handled:
        return Decision(intent=intent)
    if policy.registry is not None and not policy.registry.share:
        reason = f"candidates come from registry {policy.registry.name}, none is trained here"
        return _answered(intent, now, reason)
    if intent.releasing.phase not in {"none", "promoted"}:
        return Decision(intent=intent)  # the release's own wake-ups come back here
    wait = _wait(policy, state, now)
    if wait is not None:
        return Decision(intent=intent, wake=wait)
    refreshing = before_launch(policy, intent, facts, now)
    if refreshing is not None:
        return refreshing
    training, reason = _content(policy, intent, facts.batches, now)
    if training is None:
        return _answered(intent, now, reason)
    broke = _over_budget(policy, state, now)
    if broke:
        blocked = _answered(intent, now, broke)
        return replace(blocked, effects=(Notify(text=f"{policy.name}: no retraining: {broke}"),))
    launching = replace(
        state,
        phase="launching",
        handled=state.wanted,
        current=training,
        not_before=None,
        version=None,
        runs=(*(run for run in state.runs if now - run < MONTH), now),
    )
    note = decided(
        now,
        "retrain",
        job=training.job,
        epoch=training.epoch,
        training=list(training.training),
        evaluation=list(training.evaluation),
        champion=training.champion,
        policy=training.policy_digest[:12],
        pipeline=policy.retrain.job,
        code=training.code,
    )
    return Decision(intent=replace(intent, retraining=launching), notes=(note,))


def _wait(policy: Policy, state: Retraining, now: datetime) -> timedelta | None:
    """How long the guards still hold: back-off, debounce, cool-down."""
    until = [state.not_before]
    if state.wanted_since is not None:
        until.append(state.wanted_since + policy.retrain.debounce)
    if state.last_ended is not None:
        until.append(state.last_ended + policy.retrain.cooldown)
    latest = max((moment for moment in until if moment is not None), default=now)
    return latest - now if latest > now else None


def _content(
    policy: Policy, intent: Intent, batches: Sequence[Batch], now: datetime
) -> tuple[Training | None, str]:
    """The job's exact content, or the reason why there is none worth a run."""
    state, window = intent.retraining, policy.retrain.data
    champion = intent.releasing.champion
    good = sorted((batch for batch in batches if batch.quality == "pass"), key=lambda batch: batch.path)
    evaluate = window.evaluate if champion else 0
    needed = window.train + evaluate
    if len(good) < needed:
        return None, f"waiting for data: {len(good)} of {needed} good batches"
    chosen = good[-needed:]
    training = tuple(batch.version for batch in chosen[: window.train])
    held_out = tuple(batch.version for batch in chosen[window.train :])
    code = state.code if "code_changed" in policy.retrain_on else state.learned_code
    fresh = len(set(training) - set(state.last_training))
    if champion and fresh < window.fresh and code == state.learned_code:
        return (
            None,
            f"nothing new to learn from: {fresh} fresh batches, the policy asks for {window.fresh}",
        )
    content = {
        "training": training,
        "evaluation": held_out,
        "champion": champion.version if champion else None,
        "policy": policy.digest,
        **({"code": code} if code else {}),
    }
    return (
        Training(
            epoch=state.wanted,
            job=job_name(policy.name, state.wanted, content),
            training=training,
            evaluation=held_out,
            champion=champion.version if champion else None,
            policy_digest=policy.digest,
            launched=now,
            code=code,
        ),
        "",
    )


def _over_budget(policy: Policy, state: Retraining, now: datetime) -> str:
    """Why the month's budget forbids another run, or nothing."""
    budget = policy.retrain.budget
    runs = sum(now - run < MONTH for run in state.runs)
    if budget.runs_per_month is not None and runs >= budget.runs_per_month:
        return f"{runs} runs in 31 days, the budget allows {budget.runs_per_month}"
    if budget.per_month is not None and budget.per_run is not None:
        cost = (runs + 1) * budget.per_run
        if cost > budget.per_month:
            return (
                f"{runs} runs in 31 days and one more cost up to {cost:g} {budget.currency}, "
                f"the budget allows {budget.per_month:g}"
            )
    return ""


def _answered(intent: Intent, now: datetime, reason: str) -> Decision:
    """The wanted epoch needs no run."""
    state = intent.retraining
    idle = replace(state, handled=state.wanted)
    note = decided(now, "no retraining", epoch=state.wanted, reason=reason)
    return Decision(intent=replace(intent, retraining=idle), notes=(note,))


def _backoff(_policy: Policy, intent: Intent, _facts: Facts, now: datetime) -> Decision:
    state = intent.retraining
    if state.not_before is not None and state.not_before > now:
        return Decision(intent=intent, wake=state.not_before - now)
    return Decision(intent=replace(intent, retraining=replace(state, phase="idle", not_before=None)))


def _launching(_policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    training = _current(intent)
    if facts.job is None or facts.job.name != training.job:
        return Decision(intent=intent, wake=LOST)
    if facts.job.status == "missing":
        return Decision(intent=intent, effects=(SubmitJob(training=training),))
    running = replace(intent.retraining, phase="running")
    note = decided(now, "job accepted", job=training.job)
    return Decision(intent=replace(intent, retraining=running), notes=(note,))


def _running(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    training = _current(intent)
    job = facts.job
    if job is None or job.name != training.job or job.status == "active":
        return Decision(intent=intent)  # the job's own event, or reconcile, comes back here
    if job.status == "completed":
        gating = replace(intent.retraining, phase="gating")
        note = decided(now, "job completed", job=training.job)
        return Decision(intent=replace(intent, retraining=gating), notes=(note,))
    if job.status == "missing" and now - training.launched < LOST:
        return Decision(intent=intent, wake=LOST - (now - training.launched))
    what = "the job is lost" if job.status == "missing" else f"the job {job.status}"
    return _failed(policy, intent, now, f"{what}: {job.reason}" if job.reason else what)


def _failed(policy: Policy, intent: Intent, now: datetime, reason: str) -> Decision:
    """Back off and try again under a new epoch, or give up until there is new evidence."""
    state = intent.retraining
    attempts = state.attempts + 1
    job = state.current.job if state.current else ""
    if attempts >= policy.retrain.max_attempts:
        idle = replace(state, phase="idle", current=None, attempts=0, not_before=None, last_ended=now)
        note = decided(now, "retraining given up", job=job, attempts=attempts, reason=reason)
        text = f"{policy.name}: retraining given up after {attempts} attempts: {reason}"
        return Decision(intent=replace(intent, retraining=idle), notes=(note,), effects=(Notify(text=text),))
    wait = policy.retrain.backoff * 2 ** (attempts - 1)
    again = replace(
        state,
        phase="backoff",
        current=None,
        attempts=attempts,
        not_before=now + wait,
        wanted=state.wanted + 1,
    )
    note = decided(
        now, "retraining failed", job=job, attempts=attempts, retry_in_s=wait.total_seconds(), reason=reason
    )
    return Decision(intent=replace(intent, retraining=again), notes=(note,), wake=wait)


def _gating(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    training = _current(intent)
    judgement = judge(policy.gates, facts.evaluation, training.champion)
    detail: dict[str, Any] = {
        "job": training.job,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "evidence": facts.evaluation.digest if facts.evaluation else None,
        "policy": policy.digest[:12],
        "champion": training.champion,
        "checks": [
            {"name": check.name, "verdict": check.verdict, "reason": check.reason}
            for check in judgement.checks
        ],
    }
    detail |= _headline(policy, facts)
    owed = _owed(policy, training, facts, now)
    if owed:
        detail["report"] = report_uri(policy.name, owed.job)
    ended = replace(
        intent.retraining,
        attempts=0,
        last_ended=now,
        last_training=training.training,
        learned_code=training.code or intent.retraining.learned_code,
    )
    if judgement.verdict != "pass":
        idle = replace(ended, phase="idle", current=None)
        note = decided(now, "candidate refused", **detail)
        return Decision(intent=replace(intent, retraining=idle, report=owed), notes=(note,))
    version = _next_version(facts)
    evidence = facts.evaluation.digest if facts.evaluation else ""
    registering = replace(ended, phase="registering", version=version, evidence=evidence)
    owed = replace(owed, version=version) if owed else None
    note = decided(now, "candidate passed", version=version, **detail)
    return Decision(intent=replace(intent, retraining=registering, report=owed), notes=(note,))


def _owed(policy: Policy, training: Training, facts: Facts, now: datetime) -> OwedReport | None:
    """The report on that judgement; none where there is nothing to report on."""
    if facts.evaluation is None or facts.evaluation.fault:
        return None
    return OwedReport(
        job=training.job,
        version=None,
        champion=training.champion,
        evidence=facts.evaluation.digest,
        policy_digest=policy.digest,
        since=now,
    )


def _headline(policy: Policy, facts: Facts) -> dict[str, Any]:
    """The gate's metric in numbers, for people."""
    gate = policy.gates.champion
    if gate is None or facts.evaluation is None:
        return {}
    body = facts.evaluation.body
    compared = (body.get("comparison") or {}).get(gate.metric) or {}
    return {
        "metric": gate.metric,
        "candidate_value": ((body.get("candidate") or {}).get("metrics") or {}).get(gate.metric),
        "champion_value": ((body.get("champion") or {}).get("metrics") or {}).get(gate.metric),
        **{key: compared.get(key) for key in ("difference", "lower", "upper")},
    }


def _registering(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    training, version = _current(intent), intent.retraining.version
    assert version is not None  # noqa: S101 - set together with the phase
    there = next((model for model in facts.models if model.version == version), None)
    if there is None:
        effect = RegisterModel(
            version=version,
            job=training.job,
            evidence=intent.retraining.evidence,
            policy_digest=policy.digest,
        )
        return Decision(intent=intent, effects=(effect,))
    if not _is_output_of(there, training.job):
        # Somebody else took the number between decision and effect.
        moved = replace(intent.retraining, version=_next_version(facts))
        return Decision(intent=replace(intent, retraining=moved))
    if intent.releasing.phase not in {"none", "promoted"}:
        return Decision(intent=intent)  # one candidate at a time: the release's own wake-ups come back here
    idle = replace(intent.retraining, phase="idle", current=None, version=None, evidence="")
    after = known(replace(intent, retraining=idle), [version])
    note = decided(
        now, "model registered", version=version, job=training.job, evidence=intent.retraining.evidence
    )
    champion = intent.releasing.champion.version if intent.releasing.champion else None
    if champion != training.champion:
        refused = replace(after.releasing, refused=(*after.releasing.refused, version))
        reason = (
            f"it was compared with {training.champion or 'no champion'}, now {champion or 'none'} answers"
        )
        stale = decided(now, "candidate refused", version=version, job=training.job, reason=reason)
        return Decision(intent=replace(after, releasing=refused), notes=(note, stale))
    # Tags can be written by anybody: the evidence is what the gate saw.
    vouched = replace(there, tags=there.tags | {EVIDENCE_TAG: intent.retraining.evidence})
    proposed = propose(policy, after, vouched, now)
    return replace(proposed, notes=(note, *proposed.notes))


def _is_output_of(model: ModelVersion, job: str) -> bool:
    """Whether that version is what the job made: its tag may be a copy, its folder is not."""
    return model.tags.get("homeostat.job") == job and job in model.path.split("/")


def _next_version(facts: Facts) -> str:
    """The number after the greatest that is registered."""
    taken = [int(model.version) for model in facts.models if model.version.isdigit()]
    return str(max(taken, default=0) + 1)


def _current(intent: Intent) -> Training:
    training = intent.retraining.current
    if training is None:
        raise ValueError(f"{intent.model}: phase {intent.retraining.phase} without a training")
    return training
