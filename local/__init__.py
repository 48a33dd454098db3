"""Azure on one machine: the services the app talks to, on loopback."""
