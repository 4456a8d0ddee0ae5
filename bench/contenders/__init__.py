"""The same work in each framework's own way. Each file is a program, started by ``bench.runs``."""
