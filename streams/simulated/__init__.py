"""A simulated shop: customers, a catalogue, and what they do. Nothing in it is real."""
