"""What concerns the shop: windows concluded and published, sales shown, and a forecast."""
