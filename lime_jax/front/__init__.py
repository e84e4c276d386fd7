"""What every call has in common, whatever is explained."""
