"""Spark steps: Azure ML's Spark runtime on this machine is pyspark in local mode (`local/spark_runtime.py`).

Spark reads and writes Azure ML's addresses by itself there; here it gets files in their place.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]

CORES = 2
"""So many tasks run at once, whatever cluster is asked for."""
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
ELSEWHERE = ("spark.executor.", "spark.dynamicAllocation.")
"""What is said of executors: in local mode there are none but the driver."""


def submit_command(component: Json, body: Json) -> str:
    """The command that runs a Spark step, with the names of inputs and outputs in it.

    Args:
        component: the Spark component's specification.
        body: what the pipeline says of the step; its `conf` goes before the component's.
    """
    conf = {**(component.get("conf") or {}), **(body.get("conf") or {}), **LOCAL}
    said = [f"{key}={value}" for key, value in sorted(conf.items()) if not key.startswith(ELSEWHERE)]
    words = ["spark-submit", "--master", f"local[{CORES}]"]
    words += [word for one in said for word in ("--conf", shlex.quote(one))]
    words += ["--py-files", shlex.quote(",".join(files))] if (files := component.get("py_files")) else []
    arguments = str(body.get("args") or component.get("args") or "")
    return " ".join([*words, shlex.quote(str(component["entry"]["file"])), arguments])


def file_uri(path: Path) -> str:
    """How Spark is told of a file of this machine, as a word of a command."""
    return shlex.quote(f"file://{path}")


def variables(python: Path) -> dict[str, str]:
    """What a Spark process needs to know besides."""
    return {
        "PYSPARK_PYTHON": str(python),
        "PYSPARK_DRIVER_PYTHON": str(python),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
