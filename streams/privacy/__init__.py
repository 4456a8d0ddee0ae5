"""What is personal in events: sealed on its way into the journal, opened, and destroyed."""
