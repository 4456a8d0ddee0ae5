"""What would plain lists say? Everything once more from all events, with none of the agents' code."""
