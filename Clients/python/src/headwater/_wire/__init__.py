"""The wire protocol (docs/formats/wire.md) without I/O."""
