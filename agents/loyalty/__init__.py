"""What do the agents of a loyalty programme share?"""
