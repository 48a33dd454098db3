"""Entra on one machine: public keys, and tokens for whoever asks. Its word counts on local Azure alone."""

from __future__ import annotations

from local.entra.service import AUDIENCE, TENANT, Entra

__all__ = ["AUDIENCE", "TENANT", "Entra"]
