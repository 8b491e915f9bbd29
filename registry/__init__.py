"""Which services exist, who has them, and how a version is published."""
