"""Columns of cells, as bytes and as Arrow has them: docs/formats/batch.md, docs/formats/packed-columns.md."""
