"""Which products will somebody want?"""
