"""Virtual environments from conda files."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local import environments
from local.environments import (
    BuildFailed,
    EnvironmentRefused,
    build,
    conda_of,
    environment_path,
    is_built,
    python_of,
    read_conda,
)

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_read_conda() -> None:
    wanted = read_conda(
        "channels: [x]\nname: n\ndependencies: [python=3.12.4, pip>=23, {pip: ['numpy==2.1', 'a[b]>=1 # why']}]"
    )
    assert wanted.python == "3.12"
    assert wanted.packages == ("numpy==2.1", "a[b]>=1")
    assert read_conda("dependencies: [python]").python == ""
    assert read_conda("dependencies: [python>=3.11]").python == "3.11"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dependencies: [python, numpy=1]", "dependency 'numpy=1'"),
        ("dependencies: [python, {conda: [x]}]", "only python, pip"),
        ("dependencies: [{pip: ['-r other.txt']}]", "only packages by name"),
        ("dependencies: [{pip: ['./mine']}]", "only packages by name"),
        ("dependencies: [python=new]", "give a version"),
        ("name: x", "no list of dependencies"),
        ("- x", "no list of dependencies"),
        ("{", "not YAML"),
    ],
)
def test_refused(text: str, says: str) -> None:
    with pytest.raises(EnvironmentRefused, match=says):
        read_conda(text)


def test_path_depends_on_what_is_asked_for(tmp_path: Path) -> None:
    one = environment_path("dependencies: [python, {pip: [a, b]}]", tmp_path)
    assert one == environment_path("name: other\ndependencies:\n- python\n- pip:\n  - b\n  - a\n", tmp_path)
    assert one != environment_path("dependencies: [python, {pip: [a]}]", tmp_path)
    assert one.parent == tmp_path


def test_missing_python_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A version that no machine has: the running one is used, and it is said."""
    environments._interpreter.cache_clear()
    path = environment_path("dependencies: [python=3.99]", tmp_path)
    assert path == environment_path("dependencies: [python]", tmp_path)
    assert f"Python {RUNNING} is used instead" in caplog.text


def test_build_once(tmp_path: Path) -> None:
    """Several at once: one builds, all get it, and it is left alone the next time."""
    conda = "dependencies: [python]"
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(build(conda, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(found) == {environment_path(conda, tmp_path)}
    assert is_built(found[0])
    told = subprocess.run(
        [python_of(found[0]), "-c", "import sys; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == str(found[0])
    mark = found[0] / "mark"
    mark.touch()
    build(conda, tmp_path)
    assert mark.exists()


def test_half_built_is_built_again(tmp_path: Path) -> None:
    conda = "dependencies: [python]"
    broken = environment_path(conda, tmp_path)
    (broken / "bin").mkdir(parents=True)
    assert is_built(build(conda, tmp_path))
    assert python_of(broken).exists()


def test_failure_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    conda = "dependencies: [python, {pip: ['no-such-package-of-anyone==1']}]"
    with pytest.raises(BuildFailed, match="no-such-package-of-anyone"):
        build(conda, tmp_path)
    assert not is_built(environment_path(conda, tmp_path))


def test_main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HOMEOSTAT_ENVIRONMENTS", str(tmp_path / "cache"))
    (tmp_path / "conda.yml").write_text("dependencies: [python]")
    (tmp_path / "environment.yml").write_text("name: e\nimage: x\nconda_file: conda.yml")
    assert environments.main([str(tmp_path / "nothing*.yml"), str(tmp_path / "environment.yml")]) == 0
    assert "environment 1 of 1" in capsys.readouterr().out
    assert is_built(environment_path("dependencies: [python]", tmp_path / "cache"))
    assert environments.main([str(tmp_path / "*.yml")]) == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "image.yml").write_text("name: e\nimage: x")
    assert environments.main([str(tmp_path / "image.yml")]) == 1
    assert "no conda_file" in capsys.readouterr().err


def test_conda_of_inline(tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("name: e\nconda_file: {dependencies: [python]}")
    assert read_conda(conda_of(file)).packages == ()
