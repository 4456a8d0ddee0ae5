"""Who will buy nothing for a while? What is remembered, what is learned of it, and when to speak."""
