// Nothing to include: the library stands before libc's calls where LD_PRELOAD names it.
