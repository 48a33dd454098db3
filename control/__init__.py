"""The decision core: pure. No clock, network, environment or randomness that is not passed in."""
