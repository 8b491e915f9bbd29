"""MikroTik RouterOS: what talks to routers, and a simulated router to prove it with."""
