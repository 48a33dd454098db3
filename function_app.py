"""Triggers and bindings. Each reads, puts messages on the `work` queue, and answers within milliseconds.

Nothing heavier than azure.functions may load with this file (tests/worker/test_light_start.py).
"""

import json
from typing import List  # noqa: UP035 - the bindings do not know list[str]

import azure.functions as func

from handlers import intake, log_text

log_text.install()
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

QUEUE = "work"
STORAGE = "HomeostatStorage"


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def new_data(event: func.EventGridEvent, work: func.Out[str]) -> None:
    """A blob was written: Microsoft.Storage.BlobCreated."""
    intake.take_event("new_data", event, work)


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def drift_alert(event: func.EventGridEvent, work: func.Out[str]) -> None:
    """Drift: Homeostat.DriftDetected, DatasetDriftDetected, or a model monitor's RunStatusChanged."""
    intake.take_event("drift_alert", event, work)


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def job_finished(event: func.EventGridEvent, work: func.Out[str]) -> None:
    """A job ended: RunCompleted, RunStatusChanged."""
    intake.take_event("job_finished", event, work)


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def model_registered(event: func.EventGridEvent, work: func.Out[str]) -> None:
    """A model version was registered: ModelRegistered."""
    intake.take_event("model_registered", event, work)


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def model_deployed(event: func.EventGridEvent, work: func.Out[str]) -> None:
    """A deployment is ready: ModelDeployed."""
    intake.take_event("model_deployed", event, work)


@app.route(route="alert", methods=["POST"])
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def alert(req: func.HttpRequest, work: func.Out[str]) -> func.HttpResponse:
    """Azure Monitor's webhook, common alert schema."""
    status, body = intake.take_alert(req.get_body(), work)
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/json")


@app.route(route="approval", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def approval(req: func.HttpRequest, work: func.Out[str]) -> func.HttpResponse:
    """A person answers whether a release may go on. The link's token is the key. The services load on use."""
    from cloud.services import services
    from handlers.approval import answer

    reply = answer(req, services(), work.set)
    return func.HttpResponse(reply.body, status_code=reply.status, headers=reply.headers)


@app.route(route="code_changed", methods=["POST"])
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def code_changed(req: func.HttpRequest, work: func.Out[str]) -> func.HttpResponse:
    """Azure DevOps service hook: git.push or build.complete."""
    status, body = intake.take_code(req.get_body(), work)
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/json")


@app.timer_trigger(arg_name="timer", schedule="%HOMEOSTAT_DRIFT_CHECK_SCHEDULE%")
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def drift_check(timer: func.TimerRequest, work: func.Out[List[str]]) -> None:
    """Production inputs against the reference."""
    intake.take_tick("drift_check", work)


@app.timer_trigger(arg_name="timer", schedule="%HOMEOSTAT_RECONCILE_SCHEDULE%")
@app.queue_output(arg_name="work", queue_name=QUEUE, connection=STORAGE)
def reconcile(timer: func.TimerRequest, work: func.Out[List[str]]) -> None:
    """What should be done that is not?"""
    intake.take_tick("reconcile", work)


@app.queue_trigger(arg_name="message", queue_name=QUEUE, connection=STORAGE)
def work(message: func.QueueMessage) -> None:
    """Do what a message asks for. The services load on first use."""
    from cloud.services import services
    from handlers.work import handle

    handle(message.get_body(), services())
