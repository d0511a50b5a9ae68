"""Reports: ``report.json`` for machines, one self-contained page for people, pictures and masks."""

from .content import StudyReport, Truth, TruthValue
from .record import report_json
from .write import write_report

__all__ = ["StudyReport", "Truth", "TruthValue", "report_json", "write_report"]
