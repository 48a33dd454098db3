"""The Functions host's surface for a Python app: webhooks, `/api`, `/admin/functions`, timers, queues."""
