"""What can happen, and what we can say: every record that crosses a border, as a typed struct."""
