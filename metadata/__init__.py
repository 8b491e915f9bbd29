"""What is configured: definitions, field types, checks, compiler, stored metadata."""
