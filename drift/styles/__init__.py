"""Thresholds as the field's tools have them: the metrics of each, and when a table has drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift.styles.azureml import AZURE_ML
from drift.styles.evidently import EVIDENTLY
from drift.styles.nannyml import NANNYML

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drift.styles.style import Style

STYLES: Mapping[str, Style] = {"azureml": AZURE_ML, "evidently": EVIDENTLY, "nannyml": NANNYML}
