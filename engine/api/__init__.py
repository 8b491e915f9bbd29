"""HTTP: thin handlers over the engine's modules; one contract, one error body."""
