"""Data sets, prepared and served as triplets (section 4.1)."""
