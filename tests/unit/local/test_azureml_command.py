"""Command templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azureml.command import UnknownName, names, render


@pytest.mark.parametrize(
    ("template", "command"),
    [
        ("python a.py", "python a.py"),
        ("a ${{inputs.x}} ${{outputs.out}}", "a 1 /o"),
        ("a ${{ inputs.x }}-${{inputs.x}}", "a 1-1"),
        ("a $[[--y ${{inputs.y}}]] b", "a  b"),
        ("a $[[--x ${{inputs.x}}]] b", "a --x 1 b"),
        ("a $[[--x ${{inputs.x}} --y ${{inputs.y}}]]", "a "),
        ("a $[[--both]]", "a --both"),
        ("a ${{inputs.group.name}}", "a g"),
        ("echo $HOME $(date) ${VAR}", "echo $HOME $(date) ${VAR}"),
        ("a ${{inputs.folder}}", "a '/with space'"),
    ],
)
def test_render(template: str, command: str) -> None:
    inputs: dict[str, str | Path] = {"x": "1", "group.name": "g", "folder": Path("/with space")}
    assert render(template, inputs, {"out": Path("/o")}) == command


@pytest.mark.parametrize(
    "template", ["${{inputs.missing}}", "${{outputs.x}}", "$[[${{inputs.x}}]] ${{inputs.missing}}"]
)
def test_unknown_name(template: str) -> None:
    with pytest.raises(UnknownName, match="which is not given"):
        render(template, {"x": "1"}, {})


def test_names_leaves_out_what_is_optional() -> None:
    assert names("a ${{inputs.x}} ${{outputs.o}} $[[${{inputs.y}}]]") == {("inputs", "x"), ("outputs", "o")}


@given(st.text(alphabet=st.characters(exclude_characters="$[]{}")), st.text())
def test_literals_go_in_as_they_are(text: str, value: str) -> None:
    """A value is never read as a template itself."""
    assert render(f"{text}${{{{inputs.x}}}}{text}", {"x": value}, {}) == f"{text}{value}{text}"
