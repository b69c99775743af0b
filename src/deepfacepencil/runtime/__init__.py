"""The drawing program: model, engine, files for people. Never imports torch."""
