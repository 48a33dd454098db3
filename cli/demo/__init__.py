"""The demonstration: 2013's flights played through the whole loop, on this machine."""
