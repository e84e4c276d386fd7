"""What is shown: plots and pages of names and numbers."""
