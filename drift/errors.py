"""What a profile can refuse."""

from __future__ import annotations


class ProfileError(ValueError):
    """A profile is damaged, foreign, of another version, or cannot be made from what was given."""
