"""What does a run do in the course of time? A scenario says so: phases, their rates, and what is expected of each.

`model` is what a file may say, and `loading` reads it; `unfolding` makes a `course` of it, `phases` that follow each
other; `windows` is the time axis that its schedule follows, and `picture` shows it. `limits` is what a run and a phase
must keep.
"""
