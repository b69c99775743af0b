"""The networks of sections 3.2, 3.3 and 4.1; no files but the weights of others (weights.py)."""
