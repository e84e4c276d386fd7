"""Series of numbers in time: stretches of them, or channels, that are there or hidden."""
