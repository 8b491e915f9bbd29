"""Accounts, passwords, sessions and tokens: who asks, and for which tenant."""

from engine.identity.accounts import Identity

__all__ = ["Identity"]
