"""What do customers write? Sentiment and what it is about, read at the door by a small model."""
