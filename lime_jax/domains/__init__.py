"""What a sample is: draws into samples, and samples into interpretable variables."""
