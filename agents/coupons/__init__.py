"""What do agents share that give coupons?"""
