"""Files of translation tools in, the same files with translations out: nothing else in them changes."""
