"""Losses, stages, recipes and the loop (section 3.3)."""
