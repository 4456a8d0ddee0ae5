"""What follows from a record? The machinery between the log and the policies."""
