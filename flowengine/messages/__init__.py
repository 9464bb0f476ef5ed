"""Chat messages as plain data: what is said back, what it means, and what goes out on which channel.

Nothing here reads a clock, a store or the network.
"""
