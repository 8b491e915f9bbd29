"""The migrations, one Python file each, with their SQL beside them."""
