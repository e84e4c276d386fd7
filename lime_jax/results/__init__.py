"""What comes out: the explanations of many rows, in memory, in tables and in files."""
