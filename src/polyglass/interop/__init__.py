"""Models of other programs in, our models in their formats out. Knows no text and no search of its own."""
