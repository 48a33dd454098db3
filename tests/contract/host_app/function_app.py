"""A small app that shows what the Functions host did with it. Everything it sees goes to queues and a file."""

import json
import logging
import os
import time
from pathlib import Path
from typing import List  # noqa: UP035 - azure.functions knows the old spelling only

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("sample")


def note(**what: object) -> None:
    """Append one line to the file that the test reads."""
    with Path(os.environ["SAMPLE_NOTES"]).open("a") as notes:
        notes.write(json.dumps(what) + "\n")


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="out", queue_name="events", connection="SampleStorage")
def on_event(event: func.EventGridEvent, out: func.Out[str]) -> None:
    """One message an event; fails when the event says so."""
    if isinstance(event, func.CloudEvent):
        out.set(json.dumps({"cloud": event.type, "data": event.get_json()}))
        return
    if event.get_json().get("fail"):
        raise ValueError(event.get_json()["fail"])
    time.sleep(event.get_json().get("sleep", 0))
    out.set(json.dumps({"id": event.id, "type": event.event_type, "time": event.event_time.isoformat()}))


@app.route(route="echo/{name}/{number:int?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """What the request looked like."""
    body = {
        "method": req.method,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "body": req.get_body().decode(),
        "header": req.headers.get("X-Sample"),
        "url": req.url,
    }
    return func.HttpResponse(
        json.dumps(body),
        status_code=201,
        mimetype="application/json",
        headers={"X-Answer": "yes", "Set-Cookie": "a=b; Path=/"},
    )


@app.route(route="plain", auth_level=func.AuthLevel.ANONYMOUS)
async def plain(req: func.HttpRequest) -> str:
    """Text, from an asynchronous function."""
    return f"hello {req.params.get('who', 'nobody')}"


@app.route(route="broken")
def broken(req: func.HttpRequest) -> func.HttpResponse:
    """Fails."""
    return func.HttpResponse(json.dumps(req.get_json()))


@app.route(route="wrong")
def wrong(req: func.HttpRequest) -> func.HttpResponse:
    """Returns what an HTTP function must not."""
    return {"not": "allowed"}  # type: ignore[return-value]


@app.queue_trigger(arg_name="message", queue_name="%SAMPLE_QUEUE%", connection="SampleStorage")
@app.queue_output(arg_name="$return", queue_name="results", connection="SampleStorage")
def on_message(message: func.QueueMessage, context: func.Context) -> str:
    """Answers on another queue; fails when the message says so."""
    body = message.get_body().decode()
    note(message=body, tries=message.dequeue_count, inserted=message.insertion_time is not None)
    log.info("working on %s", body)
    if body == "fail":
        raise RuntimeError("as asked")
    if body == "slow":
        time.sleep(1.5)
        note(message="slow ended")
    return json.dumps({"done": body, "function": context.function_name})


@app.queue_trigger(arg_name="message", queue_name="many", connection="SampleStorage")
@app.queue_output(arg_name="out", queue_name="results", connection="SampleStorage")
def fan_out(message: str, out: func.Out[List[str]]) -> None:
    """One message in, several out."""
    out.set([f"{message}-{number}" for number in range(3)])


@app.queue_trigger(arg_name="message", queue_name="raw", connection="SampleStorage")
@app.queue_output(arg_name="out", queue_name="results", connection="SampleStorage")
def raw(message: func.QueueMessage, out: func.Out[bytes]) -> None:
    """Bytes in, bytes out."""
    out.set(message.get_body()[::-1])


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    """Every second."""
    note(tick=True, past_due=timer.past_due, schedule=timer.schedule)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def yearly(timer: func.TimerRequest) -> None:
    """At start."""
    note(yearly=True, past_due=timer.past_due, status=timer.schedule_status)


@app.route(route="off")
def off(req: func.HttpRequest) -> str:
    """Disabled by a setting."""
    return "never"
