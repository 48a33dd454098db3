"""Make the package of the function app: what git has, without what `.funcignore` names, and the dependencies.

    python .ci/package.py --output homeostat.zip [--dependencies]

The same commit gives the same bytes, but for the dependencies. The kernel of the drift statistics is compiled
for this machine where there is a compiler: package on Linux, as Azure runs it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ".python_packages/lib/site-packages"
KERNEL = "drift/kernel/kernel.so"
EPOCH = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--dependencies", action="store_true", help="install requirements.txt into it")
    arguments = parser.parse_args()
    files = {name: ROOT / name for name in deployed()}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.dependencies:
            subprocess.run(["make", KERNEL], cwd=ROOT, check=True)
            _install(Path(folder))
            files |= {
                f"{SITE}/{path.relative_to(folder).as_posix()}": path
                for path in Path(folder).rglob("*")
                if path.is_file() and "__pycache__" not in path.parts
            }
        if (ROOT / KERNEL).is_file():
            files[KERNEL] = ROOT / KERNEL
        _write(arguments.output, files)
    print(f"{arguments.output}: {len(files)} files, {arguments.output.stat().st_size >> 10} KB")


def deployed() -> list[str]:
    """Paths of the files that git has and Azure gets."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    patterns = [line.strip() for line in (ROOT / ".funcignore").read_text("utf-8").splitlines()]
    ignored = [line for line in patterns if line and not line.startswith("#")]
    return sorted(path for path in listed.split("\0") if path and not _is_ignored(path, ignored))


def _is_ignored(path: str, patterns: list[str]) -> bool:
    """As .gitignore reads them: a name anywhere, with a slash at the end a folder."""
    *folders, name = path.split("/")
    return any(
        any(fnmatch(step, pattern.rstrip("/")) for step in folders)
        or (not pattern.endswith("/") and fnmatch(name, pattern))
        for pattern in patterns
    )


def _install(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:",
         "--target", str(folder), "--requirement", str(ROOT / "requirements.txt")],
        check=True,
    )  # fmt: skip


def _write(output: Path, files: dict[str, Path]) -> None:
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as package:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path.stat().st_mode & 0o100 else 0o644) << 16
            package.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    main()
