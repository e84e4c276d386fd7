"""Tables of every kind, drawn at random: an answer, or a `ValueError` that names its argument."""
