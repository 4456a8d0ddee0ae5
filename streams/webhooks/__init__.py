"""The webhook sink: triggers go out by HTTP, each customer's in order, until they have arrived."""
