"""What concerns the shop and not one customer: windows of event time, and what is seen in them."""
