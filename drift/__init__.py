"""Drift statistics: pure. Profiles, measures, verdicts."""

from drift.errors import ProfileError

__all__ = ["ProfileError"]
