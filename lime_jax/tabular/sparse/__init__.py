"""Sparse rows: the numbers of a row that are there, each of them shown or hidden."""
