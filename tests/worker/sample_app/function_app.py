"""One function of each kind that Homeostat has, which says what it was given."""

import json
import logging
from typing import List  # noqa: UP035

import azure.functions as func

app = func.FunctionApp()


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="work", queue_name="work", connection="Storage")
def on_event(event: func.EventGridEvent, work: func.Out[str]) -> None:
    if event.subject == "raise":
        raise ValueError("asked for it")
    when = getattr(event, "event_time", None) or getattr(event, "time", None)
    work.set(
        json.dumps(
            {
                "class": type(event).__name__,
                "id": event.id,
                "subject": event.subject,
                "data": event.get_json(),
                "time": when.isoformat() if hasattr(when, "isoformat") else when,
            }
        )
    )


@app.route(route="hook", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@app.queue_output(arg_name="work", queue_name="work", connection="Storage")
def on_http(req: func.HttpRequest, work: func.Out[str]) -> func.HttpResponse:
    work.set(req.get_body().decode())
    return func.HttpResponse(json.dumps(dict(req.params)), status_code=202, mimetype="application/json")


@app.timer_trigger(arg_name="timer", schedule="%TICK%")
@app.queue_output(arg_name="work", queue_name="work", connection="Storage")
def on_tick(timer: func.TimerRequest, work: func.Out[List[str]]) -> None:
    work.set(["past due" if timer.past_due else "on time", "second"])


@app.queue_trigger(arg_name="message", queue_name="work", connection="Storage")
def on_message(message: func.QueueMessage) -> None:
    logging.getLogger("sample").warning("got %s, time %s", message.get_body().decode(), message.dequeue_count)
