"""One sentence pair in, logits out. Knows no text, no files, no optimizer."""
