"""When is each event due, and on which lane? No module here reads a clock: time is an argument.

An event goes through these modules in the following order:

1. It is one of a stream: the events of the capture, repeated up to a total. `rates` cuts the stream into segments and
   says at which instant of the schedule the event gets its token; `axis` says where it is on the capture's time axis.
   Where the capture tells the instant of each event, `own_instants` does both instead.
2. `deal` says which lane sends it: the lanes take stripes of the stream in turn.
3. The engine (`replay.engine.staging`) finds it in the capture, as a part of one of the trains that the lane sends.
4. `demand` says at which instant of the clock its token comes, if somebody slows the run down or pauses it.
5. `bursts` says whether the lane may send it already, together with the rest of its train, and how fast a lane that is
   late may catch up.
"""
