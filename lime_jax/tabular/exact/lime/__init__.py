"""The closed forms of LIME."""
