"""Adapters to the outside world; one module or package per outside system."""
