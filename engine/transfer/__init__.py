"""Import and export: whole files of records, in bounded memory."""
