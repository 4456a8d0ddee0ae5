"""What is a coupon, who redeems one, and whose mind does it change?"""
