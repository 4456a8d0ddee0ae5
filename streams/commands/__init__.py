"""What can a person at a terminal do? One command a file; what several need lies beside them."""
