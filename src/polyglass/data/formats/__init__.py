"""One small reader for each file format; each yields texts with the line they stand in."""
