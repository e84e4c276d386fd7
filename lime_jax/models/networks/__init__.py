"""Neural networks of Keras, Equinox and Flax."""
