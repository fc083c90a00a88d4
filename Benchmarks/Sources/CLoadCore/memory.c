#include "CLoadCore.h"

#include <malloc.h>

void load_release_memory(void) { malloc_trim(0); }
