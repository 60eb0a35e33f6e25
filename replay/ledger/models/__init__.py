"""Reports that come from elsewhere, checked at one edge: the sender's, a sink's, an audit's.

A report that names a thing twice, counts below zero or beyond all that can be counted, has a total that is not the sum
of its ports, or holds a text where a number belongs is refused here, in one clause with the place. What a later version
adds is left alone, and what an earlier one did not have has a default: None, which says that it was not measured.
"""
