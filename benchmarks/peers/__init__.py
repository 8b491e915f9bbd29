"""The same list, get and create, written by hand on other frameworks."""
