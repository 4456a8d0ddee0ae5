"""What we decide: one agent, one file. Pure: no clock, no I/O, no chance."""
