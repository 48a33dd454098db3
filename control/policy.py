"""A model's policy, as the decision core sees it. Reading and checking the YAML: control/policy_file.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from control.drift_signal import DriftSignal


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteWhen:
    """When a batch of data (one folder below the policy's path) is complete.

    Exactly one is set. `marker`: a blob of that name lies in the folder. `each_file`: every blob is a
    batch of its own. `stable_for`: no blob of the folder changed for that long.
    """

    marker: str | None = None
    each_file: bool = False
    stable_for: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spark:
    """Batches of more than `above` bytes are profiled by a Spark job, made from the YAML `job`."""

    above: int
    job: str = "pipelines/profile.yml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """Where new data arrives: `azureml://datastores/<datastore>/paths/<prefix>/`."""

    datastore: str
    prefix: str
    """Ends with `/`, or is empty for the whole container."""
    complete_when: CompleteWhen
    timestamp_column: str | None = None
    """Rows of a day (or hour) of it belong together."""
    every: Literal["day", "hour"] = "day"
    spark: Spark | None = None
    """None: the app profiles every batch itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """`monitoring_signals.quality`: what a batch must satisfy before anything learns from it.

    `columns` maps a name to its type (`integer`, `number`, `string`, `boolean`, `timestamp`).
    """

    columns: dict[str, str] = field(default_factory=dict)
    max_null_rate: float = 1.0
    min_rows: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """`monitoring_signals.labels`: performance in production, once labels have had `maturity` to arrive.

    `metric_thresholds` maps a metric to the least value that is still good.
    """

    maturity: timedelta = timedelta(0)
    metric_thresholds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Reserved before launch. Money in `currency`; None is no limit."""

    per_run: float | None = None
    per_month: float | None = None
    runs_per_month: int | None = None
    currency: str = "EUR"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """Which batches a retraining uses, newest last.

    The newest `evaluate` batches judge candidate and champion; the `train` batches before them train the
    candidate. At least `fresh` of the training batches must be ones that the last training did not have:
    learning the same again teaches nothing and costs a run.
    """

    train: int = 2
    evaluate: int = 1
    fresh: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Refresh:
    """A Data Factory pipeline that brings the newest data before a model is retrained."""

    data_factory: str
    pipeline: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrain:
    """What a retraining is and how often it may happen."""

    job: str
    data: TrainingData = field(default_factory=TrainingData)
    debounce: timedelta = timedelta(0)
    cooldown: timedelta = timedelta(0)
    backoff: timedelta = timedelta(minutes=10)
    max_attempts: int = 3
    max_running: int = 1
    budget: Budget = field(default_factory=Budget)
    refresh: Refresh | None = None


COMPARED = ("roc_auc", "log_loss", "accuracy", "precision", "recall", "f1", "brier", "rmse", "mae", "r2")
"""Metrics of the gate that have intervals, so that two models can be compared by them."""
BOUNDED = (*COMPARED, "ece", "calibration_slope")
"""Metrics of the gate that can be bounded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionGate:
    """The candidate's metric may be at most `non_inferior_by` worse, with that confidence."""

    metric: str
    non_inferior_by: float
    confidence: float = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceGate:
    """In every slice of `by` with at least `min_rows` rows, `metric` drops by at most `max_drop`."""

    by: str
    metric: str
    max_drop: float
    min_rows: int = 200
    confidence: float = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """An absolute bound on one of the candidate's metrics; exactly one side may be None."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    confidence: float | None = None
    """With that confidence; None looks at the value alone."""


RobustnessCheck = Literal["missing_values", "shuffled_columns", "extreme_values"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gates:
    """What a candidate must show before it may be released."""

    job: str | None = None
    """Pipeline that evaluates a version which somebody registered; None: such versions are left alone."""
    champion: ChampionGate | None = None
    slices: tuple[SliceGate, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    golden_suite: str | None = None
    """`azureml:<data asset>:<version>`; None is the golden predictions that training wrote."""
    golden_tolerance: float = 1e-6
    robustness: tuple[RobustnessCheck, ...] = ()
    """Requests that are not as they should be: the model must answer them, or refuse and say why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """By policy (`required: false`) or by a person."""

    required: bool = True
    approvers: tuple[str, ...] = ()
    """`user:<name or object id>`, `group:<name or object id>`; empty: whoever has the link."""
    not_author: bool = False
    """Whoever made the candidate must not approve it."""
    expires: timedelta = timedelta(days=3)


ABORT_IF = {"error_rate": "> 1x champion or > 50%", "latency_p95": "> 1.5x champion"}
"""Without a word: no more errors than now, and not half as slow again. Where there is no champion to compare
with (a first release, a step at 100), at least not more errors than answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """How an approved model reaches traffic."""

    endpoint: str
    deployment: str
    """Path of a plain Azure ML deployment YAML, beside the policies' folder."""
    mirror_percent: int = 0
    mirror_for: timedelta = timedelta(0)
    abort_if: dict[str, str] = field(default_factory=lambda: dict(ABORT_IF))
    """Metric of the endpoint to what fails a step, as written: `> 1%` (control/conditions.py)."""
    false_rollbacks: float = 0.05
    """Probability that a candidate that keeps these bounds is rolled back by them, over the whole release."""
    min_requests: int = 100
    """With fewer requests answered by the candidate, a step is inconclusive."""
    on_inconclusive: Literal["hold", "roll_back"] = "hold"
    steps: tuple[int, ...] = (5, 25, 50, 100)
    """Percent of the traffic, rising, the last one 100."""
    bake: timedelta = timedelta(minutes=30)
    deadline: timedelta = timedelta(hours=2)
    """An inconclusive step that lasts longer is rolled back."""
    keep_previous: timedelta = timedelta(days=3)
    scale: Literal["with_traffic", "fixed"] = "with_traffic"
    """Whether instances follow the traffic, where the deployment YAML asks for more than one."""
    previous_instances: int = 1
    """What is left of the previous deployment while it is kept; it gets all of them back with the traffic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """An Azure ML registry through which versions go from workspace to workspace."""

    name: str
    model: str
    """What the model is called there."""
    share: bool
    """Released versions go there; False: candidates come from there, and none is trained here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """What an Azure Monitor alert of that rule's name does to this model."""

    rule: str
    do: Literal["retrain", "notify", "roll_back"]


Trigger = Literal["data_arrived", "drift", "feedback", "code_changed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A `cron` trigger: five fields, read in that time zone."""

    expression: str
    time_zone: str = "UTC"


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeRule:
    """Whom to tell of what."""

    to: str
    """`teams:...`, `slack:...`, `email:...` or `webhook:...`."""
    on: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Privacy:
    """Whose data it is, and how long it may be kept."""

    subject_id: str | None = None
    """The column that identifies a person."""
    retention: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One managed model. `name` is the model's name in Azure ML."""

    name: str
    workspace: str | None = None
    """Its name in the app's settings; None is the workspace that the app was deployed for."""
    data: Data
    retrain_on: frozenset[Trigger]
    schedules: tuple[Schedule, ...] = ()
    monitors: tuple[str, ...] = ()
    """Names of Azure ML monitors whose drift events concern this model."""
    inputs: DriftSignal | None = None
    predictions: DriftSignal | None = None
    quality: Quality | None = None
    labels: Performance | None = None
    retrain: Retrain
    gates: Gates
    approval: Approval
    release: Release
    registry: Registry | None = None
    alerts: tuple[AlertRule, ...] = ()
    notify: tuple[NoticeRule, ...] = ()
    privacy: Privacy | None = None
    digest: str
    """SHA-256 (hex) of the policy's canonical JSON: no effect without a current one."""
    source: str
    """The file it was read from."""
