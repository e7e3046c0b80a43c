"""A trained model in, a page that shows each of its numbers out. The page draws; every number is computed here."""

from polyglass.explorer.notebook import show

__all__ = ["show"]
