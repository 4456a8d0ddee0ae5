"""The same work in each framework's own way: programs, started by ``bench.throughput``."""
