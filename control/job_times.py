"""How long a job may not be seen."""

from __future__ import annotations

from datetime import timedelta

LOST = timedelta(minutes=10)
"""A job that was launched and is still not to be found after this is lost."""
