"""Strings in, strings out: what a model is to translate is taken out of a text, and put back with everything else."""
