"""What an operator can tune."""
