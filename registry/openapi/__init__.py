"""Import of OpenAPI documents: see `documents.py`."""

from registry.openapi.documents import Imported, import_document, import_text

__all__ = ["Imported", "import_document", "import_text"]
