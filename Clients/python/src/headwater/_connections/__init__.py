"""Sockets: blocking ones, and those of asyncio."""
