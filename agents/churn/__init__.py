"""Who will buy nothing for a while? What is remembered and learned, and when to speak."""
