#include "CMemory.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>

void moldau_return_memory_soon(void) {
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_ARENA_MAX, 2);
}

#else

void moldau_return_memory_soon(void) {}

#endif

void moldau_discard(void *from, size_t length) {
#if defined(__linux__)
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)from + page - 1) & ~(page - 1), end = ((uintptr_t)from + length) & ~(page - 1);
    if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
#endif
}
