"""Saved training sets: hashes of their cells, and how rows are dealt out to parts (docs/formats/dataset.md)."""
