"""The line, and the codes of RFC 5424."""

import pytest

from precompute.syslog import iso_line


@pytest.mark.parametrize(
    ("facility", "severity", "priority"),
    [("kern", "emerg", "<0>"), ("kern", "info", "<6>"), ("authpriv", "notice", "<85>"), ("local7", "debug", "<191>")],
)
def test_the_priority_is_eight_facilities_and_a_severity(facility, severity, priority):
    line = iso_line(
        facility=facility, severity=severity, stamp="STAMP", host="{h}", tag="t", pid="{p}", message="m {x}"
    )
    assert line.text == f"{priority}STAMP {{h}} t[{{p}}]: m {{x}}"
    assert line.text[line.stamp_column :].startswith("STAMP")


def test_a_line_without_a_process_has_no_brackets():
    line = iso_line(facility="kern", severity="info", stamp="S", host="h", tag="kernel", pid=None, message="m")
    assert line.text == "<6>S h kernel: m"
