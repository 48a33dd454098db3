"""A world small enough to hold in memory: facts that change, and effects that change them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from control.decide import decide
from control.effects import (
    AskApproval,
    CreateDeployment,
    CreateEndpoint,
    DeleteDeployment,
    Effect,
    Notify,
    RegisterModel,
    SetTraffic,
    SubmitJob,
    WriteReport,
)
from control.facts import Batch, Deployment, Endpoint, Evaluation, Facts, Job, ModelVersion, Probe
from control.names import deployment_name
from control.policy import (
    Approval,
    ChampionGate,
    CompleteWhen,
    Data,
    Gates,
    Policy,
    Release,
    Retrain,
    TrainingData,
)
from control.retraining import evidence
from control.state import Intent

START = datetime(2026, 1, 1, tzinfo=UTC)


def policy(**changes: Any) -> Policy:
    """A policy with short times."""
    base = Policy(
        name="m",
        data=Data(datastore="landing", prefix="m/", complete_when=CompleteWhen(marker="_SUCCESS")),
        retrain_on=frozenset({"drift"}),
        retrain=Retrain(
            job="train.yml", data=TrainingData(train=2, evaluate=1, fresh=0), backoff=timedelta(minutes=1)
        ),
        gates=Gates(champion=ChampionGate(metric="auc", non_inferior_by=0.01)),
        approval=Approval(required=False),
        release=Release(
            endpoint="e",
            deployment="d.yml",
            mirror_percent=10,
            mirror_for=timedelta(minutes=5),
            steps=(10, 50, 100),
            bake=timedelta(minutes=5),
            deadline=timedelta(minutes=30),
            keep_previous=timedelta(hours=1),
        ),
        digest="p" * 64,
        source="m.yaml",
    )
    return replace(base, **changes)


def body(quality: float) -> dict[str, Any]:
    """An evaluation in which the candidate is better by `quality`."""
    return {
        "metrics": {"auc": {"greater_is_better": True}},
        "candidate": {"metrics": {"auc": 0.7 + quality}},
        "champion": {"metrics": {"auc": 0.7}},
        "comparison": {
            "auc": {
                "difference": quality,
                "lower": quality - 0.001,
                "upper": quality + 0.001,
                "confidence": 0.95,
            }
        },
    }


@dataclass
class World:
    """Azure, as far as decisions see it, and the ledger's one row."""

    policy: Policy = field(default_factory=policy)
    now: datetime = START
    intent: Intent = field(default_factory=lambda: Intent(model="m"))
    batches: list[Batch] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    unrivalled: set[str] = field(default_factory=set)
    """Jobs launched when there was no champion to compare with."""
    qualities: dict[str, float] = field(default_factory=dict)
    models: list[ModelVersion] = field(default_factory=list)
    endpoint: Endpoint = field(default_factory=lambda: Endpoint(name="e", state="missing"))
    wrong_answers: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    performed: list[Effect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reports: set[str] = field(default_factory=set)
    """Jobs whose report is written."""
    shelf_broken: bool = False
    """Whether reports cannot be written."""
    quality: float = 0.02
    """What the next job's candidate will be worth."""

    def arrive(self) -> None:
        """A good batch arrives and asks for a retraining."""
        number = len(self.batches) + 1
        version = f"v{number:03}"
        self.batches.append(
            Batch(
                version=version,
                path=f"{number:03}/",
                arrived=self.now,
                quality="pass",
                drift="fail",
                rows=5000,
            )
        )
        self.intent, _ = evidence(self.intent, self.now, f"batch {version}", "drift")

    def facts(self) -> Facts:
        current = self.intent.retraining.current
        candidate = self.intent.releasing.candidate
        probe = None
        if candidate:
            name = deployment_name(candidate.generation)
            there = self.endpoint.deployments.get(name)
            if there and there.state == "succeeded":
                verdict = "fail" if candidate.version in self.wrong_answers else "pass"
                probe = Probe(deployment=name, verdict="inconclusive" if name in self.silent else verdict)
        return Facts(
            batches=tuple(self.batches),
            job=Job(name=current.job, status=self.jobs.get(current.job, "missing")) if current else None,
            evaluation=Evaluation(digest=current.job, body=body(self.qualities[current.job]))
            if current and current.job in self.qualities
            else None,
            models=tuple(self.models),
            endpoint=self.endpoint,
            probe=probe,
            reported=self.intent.report.job in self.reports if self.intent.report else None,
        )

    def decide(self) -> tuple[Effect, ...]:
        """One decision; the new intent is kept, the effects are handed back."""
        decision = decide(self.policy, self.intent, self.facts(), self.now)
        self.intent = decision.intent
        self.notes += [note.name for note in decision.notes]
        return decision.effects

    def perform(self, effect: Effect) -> None:
        """What Azure does on a request; a second identical request changes nothing."""
        self.performed.append(effect)
        match effect:
            case SubmitJob(training=training):
                if training.job not in self.jobs:
                    self.jobs[training.job] = "active"
                    self.submitted.append(training.job)
                    if training.champion is None:
                        self.unrivalled.add(training.job)
            case RegisterModel():
                if all(model.version != effect.version for model in self.models):
                    tags = {"homeostat.job": effect.job, "homeostat.evidence": effect.evidence}
                    self.models.append(ModelVersion(version=effect.version, path="p", tags=tags))
            case CreateEndpoint():
                if self.endpoint.state == "missing":
                    self.endpoint = replace(self.endpoint, state="succeeded")
            case CreateDeployment():
                if effect.deployment not in self.endpoint.deployments:
                    self._deployment(effect.deployment, "creating", effect.model_version)
            case SetTraffic():
                named = [name for name, _ in (*effect.traffic, *effect.mirror)]
                if all(name in self.endpoint.deployments for name in named):  # else Azure refuses
                    self.endpoint = replace(
                        self.endpoint, traffic=dict(effect.traffic), mirror=dict(effect.mirror)
                    )
            case DeleteDeployment():
                if not self.endpoint.traffic.get(effect.deployment):  # else Azure refuses
                    kept = {n: d for n, d in self.endpoint.deployments.items() if n != effect.deployment}
                    self.endpoint = replace(self.endpoint, deployments=kept)
            case WriteReport(report=owed):
                if not self.shelf_broken:
                    self.reports.add(owed.job)
            case Notify():
                pass
            case AskApproval():
                self._told(effect)

    def _told(self, effect: AskApproval) -> None:
        candidate = self.intent.releasing.candidate
        if candidate and candidate.question and candidate.question.number == effect.question:
            told = replace(candidate, question=replace(candidate.question, told=self.now))
            self.intent = replace(self.intent, releasing=replace(self.intent.releasing, candidate=told))

    def _deployment(self, name: str, state: Any, version: str | None = None) -> None:
        before = self.endpoint.deployments.get(name)
        made = Deployment(name=name, state=state, model_version=version or (before and before.model_version))
        self.endpoint = replace(self.endpoint, deployments=self.endpoint.deployments | {name: made})

    def finish_jobs(self, status: str = "completed") -> None:
        for name, state in self.jobs.items():
            if state == "active":
                self.jobs[name] = status
                if status == "completed":
                    self.qualities[name] = self.quality

    def finish_deployments(self, state: str = "succeeded") -> None:
        for name, deployment in self.endpoint.deployments.items():
            if deployment.state == "creating":
                self._deployment(name, state)

    def settle(self, rounds: int = 400) -> None:
        """Let everything that takes time succeed, until nothing changes any more."""
        quiet = 0
        for _ in range(rounds):
            before = (self.intent, self.endpoint, tuple(self.jobs.items()), len(self.models))
            for effect in self.decide():
                self.perform(effect)
            self.finish_jobs()
            self.finish_deployments()
            if before == (self.intent, self.endpoint, tuple(self.jobs.items()), len(self.models)):
                self.now += timedelta(minutes=3)
                quiet += 1
                if quiet > 40:
                    return
            else:
                quiet = 0
        raise AssertionError(f"does not settle: {self.intent}")
