#ifndef MOLDAU_MEMORY_H
#define MOLDAU_MEMORY_H
#include <stddef.h>
/// Makes glibc's allocator return large blocks (from 256 KiB) to the system as soon as they are freed, whatever sizes
/// it has seen before, and use two arenas for all threads together. No-op with other allocators. Call it before threads
/// are started.
void moldau_return_memory_soon(void);
/// Returns the whole pages among these bytes to the system; their contents are lost. They may be used again at any
/// time. No-op on systems other than Linux.
void moldau_discard(void *from, size_t length);
#endif
