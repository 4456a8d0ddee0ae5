"""The demo: a year of orders, fed through the real path, watched and judged."""
