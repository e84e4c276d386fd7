"""Texts: words that are there or hidden, and what a model says of what is left."""
