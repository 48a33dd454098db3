"""The `homeostat` command."""
