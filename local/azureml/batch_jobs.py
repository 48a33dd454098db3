"""Jobs of batch endpoints: what the scoring URI begins, and who asks which there are."""

from __future__ import annotations

import shlex
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml import batch_deployments, batch_endpoints
from local.azureml.answers import ArmError, Json, properties_of, user_error
from local.azureml.job_record import KIND, new_job
from local.azureml.names import BadReference
from local.azureml.run import FILE_LIKE, CommandRun, Input, Output

if TYPE_CHECKING:
    from local.azureml.job_lives import JobLives
    from local.azureml.references import References
    from local.azureml.store import Record, Store

DRIVER = Path(__file__).with_name("batch_driver.py")
FRONT = "/mferp/managementfrontend"
"""Where the SDK looks for lists of batch jobs: below the address that the workspace's discovery names."""
TYPES = {"urifile": "uri_file", "urifolder": "uri_folder"}
OUTPUT = "score"


class BatchJobs:
    """Begins and lists the jobs of batch deployments."""

    def __init__(self, *, store: Store, references: References, lives: JobLives) -> None:
        self._store = store
        self._references = references
        self._lives = lives
        self._url = ""

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path, and the scoring URIs."""
        endpoint = f"{FRONT}{workspace}/batchEndpoints/{{endpoint}}"
        return [
            web.post(f"{self._store.home.front}/batchEndpoints/{{endpoint}}/jobs", self._invoke),
            web.get(f"{endpoint}/jobs", self._list),
            web.get(f"{endpoint}/deployments/{{name}}/jobs", self._list),
        ]

    def start(self, url: str) -> None:
        """Answer with this address."""
        self._url = url

    async def _list(self, request: web.Request) -> web.Response:
        endpoint, name = request.match_info["endpoint"], request.match_info.get("name")
        found = [
            record.body
            for record in reversed(self._store.all(KIND))
            if (batch := record.private.get("batch"))
            and batch["endpoint"] == endpoint
            and name in {None, batch["deployment"]}
        ]
        return web.json_response({"value": found})

    async def _invoke(self, request: web.Request) -> web.Response:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            raise ArmError(401, "Unauthorized", "A batch endpoint wants a bearer token.")
        endpoint = batch_endpoints.find(self._store, request)
        _, asked = await properties_of(request)
        default = endpoint.properties["defaults"]["deploymentName"]
        name = request.headers.get("azureml-model-deployment") or default
        if not name:
            raise user_error(
                f"The endpoint {endpoint.name} has no default deployment, and the request names none.",
                "BadArgument",
            )
        deployment = self._store.get(batch_deployments.KIND, endpoint.name, name)
        if deployment is None:
            raise user_error(f"The endpoint {endpoint.name} has no deployment {name}.", "BadArgument")
        if deployment.properties["provisioningState"] != "Succeeded":
            raise user_error(f"The deployment {name} is not ready.", "BadArgument")
        job = str(asked.get("name") or f"batchjob-{uuid.uuid4()}")
        if self._store.get(KIND, job):
            raise user_error(f"A job with the name {job} already exists.", "Immutable")
        record, run = self._planned(job, deployment, asked)
        self._store.put(record)
        self._lives.begin_command(record, run)
        return web.json_response(record.body, status=201)

    def _planned(self, job: str, deployment: Record, asked: Json) -> tuple[Record, CommandRun]:
        """The job's record and its command: the driver with the deployment's script."""
        of = deployment.properties
        try:
            inputs = {name: _input(name, body) for name, body in (asked.get("inputData") or {}).items()}
            for given in inputs.values():
                self._references.place(given.value)
            output = _output(job, asked.get("outputData") or {})
            self._references.place(output.uri)
        except BadReference as err:
            raise user_error(str(err), "BadArgument") from err
        if not inputs:
            raise user_error("inputData must be given.", "BadArgument")
        experiment = str((asked.get("properties") or {}).get("experimentName") or deployment.name)
        given_outputs = {OUTPUT: {"jobOutputType": output.type, "uri": output.uri}}
        record = new_job(self._store.home, job, {
            "jobType": "Pipeline",
            "displayName": job,
            "experimentName": experiment,
            "inputs": {k: {"jobInputType": one.type, "uri": one.value} for k, one in inputs.items()},
            "outputs": given_outputs,
        }, self._url)  # fmt: skip
        record.private["batch"] = {"endpoint": deployment.name, "deployment": deployment.version}
        file = str(asked.get("outputFileName") or of["outputFileName"])
        words = {
            "--script": str(of["codeConfiguration"]["scoringScript"]),
            "--mini-batch-size": str(asked.get("miniBatchSize") or of["miniBatchSize"]),
            "--error-threshold": str(asked.get("errorThreshold", of["errorThreshold"])),
            "--retries": str((of.get("retrySettings") or {}).get("maxRetries", 3)),
            "--output-action": str(of["outputAction"]),
            **({} if output.type in FILE_LIKE else {"--file": file}),
        }
        options = " ".join(f"{key}={shlex.quote(value)}" for key, value in words.items())
        files = " ".join(f"${{{{inputs.{name}}}}}" for name in inputs)
        command = (
            f"python {shlex.quote(str(DRIVER))} {options} --model ${{{{inputs.the_model}}}} "
            f"--output ${{{{outputs.{OUTPUT}}}}} {files}"
        )
        model = Input("custom_model", str(of["model"]["assetId"]))
        run = CommandRun(
            job=job,
            experiment=experiment,
            command=command,
            code=str(of["codeConfiguration"]["codeId"]),
            environment=str(of["environmentId"]),
            inputs={**inputs, "the_model": model},
            outputs={OUTPUT: output},
            environment_variables={k: str(v) for k, v in of["environmentVariables"].items()},
        )
        return record, run


def _input(name: str, body: Json) -> Input:
    kind = TYPES.get(str(body.get("jobInputType", "")).lower().replace("_", ""))
    if kind is None or not body.get("uri"):
        raise BadReference(
            f"the input {name} is of type {body.get('jobInputType')}: UriFile and UriFolder run here"
        )
    return Input(kind, str(body["uri"]))


def _output(job: str, given: Json) -> Output:
    """Where the predictions go: one output, or the job's own folder."""
    if len(given) > 1:
        raise BadReference(f"a model's batch job has one output, not {', '.join(given)}")
    for name, body in given.items():
        kind = TYPES.get(str(body.get("jobOutputType", "")).lower().replace("_", ""))
        if kind is None:
            raise BadReference(f"the output {name} is of type {body.get('jobOutputType')}")
        return Output.of({"jobOutputType": kind, "uri": body.get("uri")}, job=job, name=name)
    return Output.of({}, job=job, name=OUTPUT)
