"""Reports to print or to hand on: gathered from the database, shown as a table, as CSV, as JSON or as one page."""

from ops.report.page import page_of
from ops.report.patrol import PatrolReport, gather, span_between

__all__ = ["PatrolReport", "gather", "page_of", "span_between"]
