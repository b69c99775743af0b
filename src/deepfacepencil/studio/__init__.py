"""The studio: a page to draw on, and the server that answers each drawing with its photo."""
