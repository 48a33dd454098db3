"""Microsoft Purview's Data Map: types, entities and lineage by the Atlas v2 API, version 2023-09-01."""

from __future__ import annotations

from local.purview.service import Purview

__all__ = ["Purview"]
