"""A Seq2Seq and batches in, a trained model out."""
