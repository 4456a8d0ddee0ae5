"""Which day, month and hour is it, and where?"""
