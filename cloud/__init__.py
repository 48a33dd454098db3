"""The Azure SDKs, at the edge. Nothing heavy is imported at the top of a module here."""
