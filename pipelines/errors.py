"""What is wrong with the input of a step, for the person who reads the job's log."""

from __future__ import annotations


class Unusable(Exception):  # noqa: N818 - data is unusable, the program is not in error
    """The data, the manifest or a model cannot be used; the message says which and why."""
