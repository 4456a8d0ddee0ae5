"""How do a shop's buyers come and leave, and what do they spend?"""
