"""A model of tables, opened: what it is called with, and what of it is believed."""
