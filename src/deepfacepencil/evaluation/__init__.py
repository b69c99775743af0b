"""What trained models are worth: the tables and figures of section 4."""
