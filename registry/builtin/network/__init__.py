"""The built-in service `network`: its JSON and the code that keeps routers by it."""
