"""The smallest app there is: one function that does nothing."""

import azure.functions as func

app = func.FunctionApp()


@app.event_grid_trigger(arg_name="event")
def nothing(event: func.EventGridEvent) -> None:
    """Do nothing."""
