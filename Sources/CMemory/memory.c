#include "CMemory.h"
#include <stdlib.h>

#if defined(__GLIBC__)
#include <malloc.h>

void moldau_return_memory_soon(void) {
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_ARENA_MAX, 2);
}

#else

void moldau_return_memory_soon(void) {}

#endif
