"""Calls of external services: what goes out, to where, and what comes back.

Knows nothing of HTTP servers, users or permissions; `engine/api/gateway.py` calls it.
"""
