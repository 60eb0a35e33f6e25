"""What does a run do in the course of time? A scenario says so: phases, their rates, and what is expected of each.

`model` is what a file may say, `loading` reads it, `phases` makes the flat list of phases that follow each other, and
`windows` the time axis that the schedule follows.
"""
