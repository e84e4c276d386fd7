"""Tables: frames, what is learned of them, and their explanations by LIME and KernelSHAP."""
