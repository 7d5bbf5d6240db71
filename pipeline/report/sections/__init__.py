"""The sections of a report, a question each: functions from the published month to sentences, tables and charts."""

from collections.abc import Callable

from pipeline.report.parts import Section
from pipeline.report.published import Published
from pipeline.report.sections.advice import advice
from pipeline.report.sections.capacity import capacity
from pipeline.report.sections.coverage import coverage
from pipeline.report.sections.destinations import destinations
from pipeline.report.sections.dids import dids
from pipeline.report.sections.exactness import differences, exactness
from pipeline.report.sections.headline import headline
from pipeline.report.sections.spend import spend
from pipeline.report.sections.traffic import traffic
from pipeline.report.sections.trunks import causes, trunks
from pipeline.report.sections.watch import watch

SECTIONS: tuple[Callable[[Published], Section], ...] = (
    headline,
    coverage,
    traffic,
    spend,
    dids,
    destinations,
    capacity,
    advice,
    trunks,
    causes,
    watch,
    differences,
    exactness,
)
"""All sections, in reading order."""
