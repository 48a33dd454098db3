"""What people look at, made from plain data."""
