"""Random triples of table, model and settings, set against the model's own predictions."""
