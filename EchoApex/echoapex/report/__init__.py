"""Reports: ``report.json`` for machines, one self-contained page for people, pictures and masks."""

from .report_data import StudyReport, Truth, TruthValue
from .report_folder import write_report
from .report_json import report_json

__all__ = ["StudyReport", "Truth", "TruthValue", "report_json", "write_report"]
