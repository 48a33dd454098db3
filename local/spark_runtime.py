"""Azure ML's Spark runtime as a virtual environment: its Python, its Spark, and the packages of a conda file.

Java has to be on the machine. `python -m local.spark_runtime FILE.yml RUNTIME` builds one ahead of time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from local import environments
from local.environments import EnvironmentRefused

RUNTIMES = {"3.4": ("3.10", "pyspark==3.4.4"), "3.5": ("3.11", "pyspark==3.5.9")}
"""By Azure ML's `runtime_version`: the Python and the Spark that it has."""
PANDAS = "pandas<3"
"""Part of every runtime."""


def with_runtime(conda_yaml: str, runtime: str) -> str:
    """The environment as that Spark runtime makes it: its Python, its Spark, and the packages of the file.

    Raises:
        EnvironmentRefused: there is no such runtime here, or the file is not YAML of packages.
    """
    if runtime not in RUNTIMES:
        raise EnvironmentRefused(f"Spark runtime {runtime!r}: here are {', '.join(sorted(RUNTIMES))}")
    python, spark = RUNTIMES[runtime]
    try:
        asked = yaml.safe_load(conda_yaml)["dependencies"]
        packages = [line for part in asked if isinstance(part, dict) for line in part.get("pip") or ()]
    except (yaml.YAMLError, TypeError, KeyError) as err:
        raise EnvironmentRefused(f"the conda file has no list of dependencies: {err}") from err
    return yaml.safe_dump({"dependencies": [f"python={python}", {"pip": [*packages, spark, PANDAS]}]})


def main(arguments: list[str]) -> int:
    """Build the environment that an environment YAML becomes in a runtime: `FILE RUNTIME`."""
    file, runtime = arguments
    try:
        conda = with_runtime(environments.conda_of(Path(file)), runtime)
        environments.build(conda, environments.default_cache())
    except (EnvironmentRefused, environments.BuildFailed, OSError) as err:
        sys.stderr.write(f"{file}: {err}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
