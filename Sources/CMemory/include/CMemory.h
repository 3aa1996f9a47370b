#ifndef MOLDAU_MEMORY_H
#define MOLDAU_MEMORY_H
#include <stddef.h>
/// Has glibc's allocator give the memory of large blocks back as soon as they are freed, whatever sizes it has seen, and
/// keep memory for two threads and not for each. Does nothing with other allocators. Before threads are started.
void moldau_return_memory_soon(void);
/// Gives the whole pages among these bytes back to the system; what stood in them is lost. They may be used again at any
/// time. Where the system does not know this at once (others than Linux), nothing happens.
void moldau_discard(void *from, size_t length);
#endif
