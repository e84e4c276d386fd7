"""Players that are there or hidden: what texts, sparse rows and images have in common."""
