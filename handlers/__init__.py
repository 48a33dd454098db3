"""What happens on an event: observe, decide, act, record."""
