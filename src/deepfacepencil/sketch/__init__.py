"""Geometry: label maps, strokes, the pen (section 3.1). Knows no tensors."""
