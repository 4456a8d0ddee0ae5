"""What is known of one customer, in words: the same on a terminal, as JSON and over HTTP."""
