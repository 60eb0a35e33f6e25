"""Is a report from another host sound? The reports of a sender, a sink and an audit are checked here, and only here.

A report is refused if it names a port twice, has a count below zero or beyond all that can be counted, a total that is
not the sum of its ports, or a text where a number belongs. The error is one clause, with the place in the report.
Fields that a later version adds are ignored. Fields that an earlier version did not have are None: not measured.
"""
