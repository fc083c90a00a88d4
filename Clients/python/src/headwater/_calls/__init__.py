"""What the calls of a client do, for blocking and asyncio connections alike."""
