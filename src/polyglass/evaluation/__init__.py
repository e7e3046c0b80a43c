"""Translations and references in, figures with their recipe out."""
