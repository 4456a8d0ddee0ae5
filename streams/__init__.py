"""How it flows: the imperative shell around the pure core."""
