"""A Seq2Seq in, hypotheses out. Knows ids, not words; an interface, not a model."""
