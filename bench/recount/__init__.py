"""What would plain lists say? All of it again from all events, with no code of the agents."""
