"""What have customers told us?"""
