"""A world small enough to hold in memory: facts that change, and effects that change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from control.decide import decide
from control.effects import (
    AskApproval,
    BeginTrial,
    CreateDeployment,
    CreateEndpoint,
    DeleteDeployment,
    Effect,
    Notify,
    RegisterModel,
    ScaleDeployment,
    SetTraffic,
    ShareModel,
    SubmitEvaluation,
    SubmitJob,
    TakeModel,
    WriteReport,
)
from control.facts import Batch, Deployment, Endpoint, Evaluation, Facts, Job, ModelVersion, Probe, Template
from control.names import (
    REGISTRY_TAG,
    SOURCE_TAG,
    deployment_name,
    registry_address,
    source_of,
    trial_name,
)
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
from control.ports import Note
from control.release import is_gone, may_go_on
from control.retraining import evidence
from control.sharing import refused
from control.state import Intent
from control.traffic import Arm, Traffic

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
        gates=Gates(job="evaluate.yml", champion=ChampionGate(metric="auc", non_inferior_by=0.01)),
        approval=Approval(required=False),
        release=Release(
            endpoint="e",
            deployment="d.yml",
            abort_if={"error_rate": "> 5%"},
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
    by_hand: dict[str, float] = field(default_factory=dict)
    """Versions that somebody registered, and what they are worth."""
    evaluated: list[str] = field(default_factory=list)
    vetted: list[tuple[str, str]] = field(default_factory=list)
    """Versions, and the jobs that evaluated them."""
    worth: dict[str, float] = field(default_factory=dict)
    models: list[ModelVersion] = field(default_factory=list)
    registry: list[ModelVersion] | None = field(default_factory=list)
    """None: it cannot be read."""
    refuses: bool = False
    """Whether nothing can be shared or taken."""
    endpoint: Endpoint = field(default_factory=lambda: Endpoint(name="e", state="missing"))
    wrong_answers: set[str] = field(default_factory=set)
    template: Template = field(default_factory=Template)
    trials: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Trial runs of a batch endpoint: job, to the deployment that it ran on and the version it held then."""
    silent: set[str] = field(default_factory=set)
    """Deployments that answer no golden predictions."""
    raising: set[str] = field(default_factory=set)
    """Deployments that fail one request in five."""
    per_minute: int = 600
    """Live requests, the same all the time."""
    answered: list[tuple[datetime, str, int, bool]] = field(default_factory=list)
    """When, by which deployment, how many requests, and whether they were copies."""
    counted: datetime = START
    """Until when requests were sent."""
    performed: list[Effect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reports: set[str] = field(default_factory=set)
    """Jobs whose report is written."""
    shelf_broken: bool = False
    """Whether reports cannot be written."""
    told: list[Note] = field(default_factory=list)
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
        current, vetted = self.intent.retraining.current, self.intent.vetting.current
        traffic = self.traffic()
        return Facts(
            batches=tuple(self.batches),
            job=Job(name=current.job, status=self.jobs.get(current.job, "missing")) if current else None,
            evaluation=Evaluation(digest=current.job, body=body(self.qualities[current.job]))
            if current and current.job in self.qualities
            else None,
            models=tuple(self.models),
            registry=None if self.registry is None else tuple(self.registry),
            vetting_job=Job(name=vetted.job, status=self.jobs.get(vetted.job, "missing")) if vetted else None,
            vetting_evaluation=Evaluation(digest=f"of {vetted.job}", body=body(self.qualities[vetted.job]))
            if vetted and vetted.job in self.qualities
            else None,
            endpoint=self.endpoint,
            reported=self.intent.report.job in self.reports if self.intent.report else None,
            template=self.template,
            probe=self.probe(traffic),
            traffic=traffic,
        )

    def probe(self, traffic: Traffic | None) -> Probe | None:
        """As handlers/observe.py asks for it."""
        state, candidate = self.intent.releasing, self.intent.releasing.candidate
        if candidate is None:
            return None
        name = deployment_name(candidate.generation)
        there = self.endpoint.deployments.get(name)
        steps = state.phase in {"shadow", "canary"} and may_go_on(self.policy, self.intent, traffic, self.now)
        if there is None or there.state != "succeeded" or not (state.phase == "creating" or steps):
            return None
        verdict = "fail" if candidate.version in self.wrong_answers else "pass"
        if self.endpoint.kind == "batch":
            job = trial_name("m", name, candidate.version)
            if job not in self.trials or self.jobs[job] == "active":
                return Probe(deployment=name, verdict="inconclusive", to_begin=job not in self.trials)
            verdict = verdict if self.jobs[job] == "completed" else "fail"
        return Probe(deployment=name, verdict="inconclusive" if name in self.silent else verdict)

    def traffic(self) -> Traffic | None:
        """As handlers/observe.py asks for it, from requests that were really sent."""
        self.send()
        state, candidate = self.intent.releasing, self.intent.releasing.candidate
        if candidate is None:
            return None
        if self.endpoint.kind == "batch":
            return Traffic(candidate=Arm(), champion=None, reason="no log of requests")
        gone = is_gone(self.intent, self.endpoint)
        since = candidate.exposed if gone else state.since if state.phase in {"shadow", "canary"} else None
        if since is None:
            return None
        champion = state.champion.deployment if state.champion else None
        return Traffic(
            candidate=self.arm(deployment_name(candidate.generation), since),
            champion=self.arm(champion, since) if champion else None,
        )

    def arm(self, name: str, since: datetime) -> Arm:
        requests = sum(count for at, by, count, _ in self.answered if by == name and at >= since)
        return Arm(
            requests=requests,
            failures=requests // 5 if name in self.raising else 0,
            latencies=((40, requests),) if requests else (),
        )

    def send(self) -> None:
        """The live requests since the last look, and their copies."""
        minutes = (self.now - self.counted) / timedelta(minutes=1)
        self.counted = self.now
        for split, copies in ((self.endpoint.traffic, False), (self.endpoint.mirror, True)):
            for name, percent in split.items():
                if count := int(self.per_minute * minutes * percent / 100):
                    self.answered.append((self.now, name, count, copies))

    def decide(self) -> tuple[Effect, ...]:
        """One decision; the new intent is kept, the effects are handed back."""
        decision = decide(self.policy, self.intent, self.facts(), self.now)
        self.intent = decision.intent
        self.hear(decision.notes)
        return decision.effects

    def register(self, quality: float, **tags: str) -> str:
        """Somebody registers a version by hand, with whatever tags."""
        version = str(max((int(model.version) for model in self.models), default=0) + 1)
        self.models.append(ModelVersion(version=version, path="somewhere/", tags=tags))
        self.by_hand[version] = quality
        return version

    def hear(self, notes: Sequence[Note]) -> None:
        self.told += notes
        self.notes += [note.name for note in notes]

    def note(self, name: str) -> dict[str, Any]:
        """The last audit entry of that name."""
        return next(note.detail for note in reversed(self.told) if note.name == name)

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
            case SubmitEvaluation(evaluating=evaluating):
                if evaluating.job not in self.jobs:
                    self.jobs[evaluating.job] = "active"
                    self.evaluated.append(evaluating.version)
                    self.vetted.append((evaluating.version, evaluating.job))
                    if evaluating.champion is None:
                        self.unrivalled.add(evaluating.job)
                    self.worth[evaluating.job] = self.by_hand.get(evaluating.version, -1.0)
            case RegisterModel():
                if all(model.version != effect.version for model in self.models):
                    tags = {"homeostat.job": effect.job, "homeostat.evidence": effect.evidence}
                    self.models.append(
                        ModelVersion(
                            version=effect.version, path=f"homeostat/m/{effect.job}/model/", tags=tags
                        )
                    )
            case CreateEndpoint():
                if self.endpoint.state == "missing":
                    kind: Any = "batch" if self.template.kind == "batch" else "online"
                    self.endpoint = replace(self.endpoint, state="succeeded", kind=kind)
            case BeginTrial():
                there = self.endpoint.deployments.get(effect.deployment)
                if there and effect.job not in self.trials:  # else Azure refuses
                    assert there.state == "succeeded", "a trial of a deployment that is not up"
                    self.trials[effect.job] = effect.deployment, str(there.model_version)
                    self.jobs[effect.job] = "active"
            case CreateDeployment():
                if effect.deployment not in self.endpoint.deployments:
                    self._deployment(
                        effect.deployment,
                        "creating",
                        effect.model_version,
                        effect.instances or self.template.instances,
                    )
            case ScaleDeployment():
                if effect.deployment in self.endpoint.deployments:
                    self._deployment(effect.deployment, "updating", instances=effect.instances)
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
            case ShareModel() | TakeModel():
                self._move(effect)
            case Notify():
                pass
            case AskApproval():
                self._told(effect)

    def _move(self, effect: ShareModel | TakeModel) -> None:
        rule = self.policy.registry
        assert rule
        assert self.registry is not None
        if self.refuses:
            decision = refused(self.policy, self.intent, self.now, "no")
            self.intent = decision.intent
            self.hear(decision.notes)
            self.performed += decision.effects
            return
        shares = isinstance(effect, ShareModel)
        source, target = (self.models, self.registry) if shares else (self.registry, self.models)
        assert self.intent.sharing.current, "the intent comes first"
        if all(one.version != effect.version for one in target):
            found = next(one for one in source if one.version == effect.version)
            tag = (
                {SOURCE_TAG: source_of(self.intent.home, "m", effect.version)}
                if shares
                else {REGISTRY_TAG: registry_address(rule.name, rule.model, effect.version)}
            )
            target.append(replace(found, tags=found.tags | tag))

    def _told(self, effect: AskApproval) -> None:
        candidate = self.intent.releasing.candidate
        if candidate and candidate.question and candidate.question.number == effect.question:
            told = replace(candidate, question=replace(candidate.question, told=self.now))
            self.intent = replace(self.intent, releasing=replace(self.intent.releasing, candidate=told))

    def _deployment(
        self, name: str, state: Any, version: str | None = None, instances: int | None = None
    ) -> None:
        before = self.endpoint.deployments.get(name)
        made = Deployment(
            name=name,
            state=state,
            model_version=version or (before and before.model_version),
            instances=instances or (before and before.instances),
        )
        self.endpoint = replace(self.endpoint, deployments=self.endpoint.deployments | {name: made})

    def finish_jobs(self, status: str = "completed") -> None:
        for name, state in self.jobs.items():
            if state == "active":
                self.jobs[name] = status
                if status == "completed":
                    self.qualities[name] = self.worth.get(name, self.quality)

    def finish_deployments(self, state: str = "succeeded") -> None:
        for name, deployment in self.endpoint.deployments.items():
            if deployment.state in {"creating", "updating"}:
                self._deployment(name, state)

    def until(self, reached: Callable[[], bool], step: timedelta = timedelta(seconds=30)) -> None:
        """Let everything that takes time succeed, look by look, until that holds."""
        for _ in range(2000):
            if reached():
                return
            for effect in self.decide():
                self.perform(effect)
            self.finish_jobs()
            self.finish_deployments()
            self.now += step
        raise AssertionError(f"never reached: {self.intent}")

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
