"""The built-in service `customers`: its JSON and, in `service.py`, its behaviour."""
