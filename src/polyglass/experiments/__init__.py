"""Claims about translation models measured: a question, trials with seeds, charts, and a verdict in words."""
