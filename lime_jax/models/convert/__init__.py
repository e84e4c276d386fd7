"""What converters build on."""
