"""What we remember of every customer, and where it is kept."""
