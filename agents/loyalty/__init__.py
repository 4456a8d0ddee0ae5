"""What do orders count for in a loyalty programme?"""
