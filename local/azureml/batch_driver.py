"""Runs a batch deployment's scoring script inside the job: `init()`, then `run(mini_batch)` for its files.

It runs in the deployment's environment, with nothing but Python: it imports nothing of this repository.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> int:
    """Score every file; the exit code says whether more failed than may."""
    given = _arguments()
    os.environ["AZUREML_MODEL_DIR"] = str(given.model)
    script = _loaded(Path(given.script))
    files = sorted(str(file) for place in given.inputs for file in _files(place))
    if hasattr(script, "init"):
        script.init()
    lines: list[str] = []
    failed = 0
    for start in range(0, len(files), given.mini_batch_size):
        batch = files[start : start + given.mini_batch_size]
        made = _scored(script, batch, given.retries)
        if made is None:
            failed += len(batch)
        else:
            lines += made
    if hasattr(script, "shutdown"):
        script.shutdown()
    sys.stdout.write(f"{len(files)} files, {failed} failed, {len(lines)} lines\n")
    if 0 <= given.error_threshold < failed:
        sys.stderr.write(f"{failed} files failed: more than error_threshold {given.error_threshold}\n")
        return 1
    if given.output_action.lower() == "appendrow":
        target = given.output / given.file if given.file else given.output
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return 0


def _scored(script: Any, batch: list[str], retries: int) -> list[str] | None:
    """The lines that a mini-batch makes; None when it failed each time."""
    for _ in range(retries + 1):
        try:
            return _rows(script.run(list(batch)))
        except Exception:  # noqa: BLE001 - whatever the script raises, the other files are scored
            traceback.print_exc()
    return None


def _rows(result: Any) -> list[str]:
    """A DataFrame's rows with spaces between, as append_row writes them; a list's items as text."""
    if hasattr(result, "to_csv"):
        text: str = result.to_csv(sep=" ", header=False, index=False)
        return text.splitlines()
    return [str(item) for item in result]


def _loaded(script: Path) -> Any:
    sys.path.insert(0, str(script.resolve().parent))
    spec = importlib.util.spec_from_file_location("scoring_script", script)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{script} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules["scoring_script"] = module
    spec.loader.exec_module(module)
    return module


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--file", default="")
    parser.add_argument("--mini-batch-size", type=int, default=10)
    parser.add_argument("--error-threshold", type=int, default=-1)
    parser.add_argument("--retries", type=int, default=3)
    parser.add_argument("--output-action", default="AppendRow")
    parser.add_argument("inputs", nargs="+", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
