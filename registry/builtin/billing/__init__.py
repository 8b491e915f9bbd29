"""The built-in service `billing`: its JSON and, in `service.py`, its behaviour."""
