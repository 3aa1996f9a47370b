#ifndef MOLDAU_MEMORY_H
#define MOLDAU_MEMORY_H
/// Has glibc's allocator give the memory of large blocks back as soon as they are freed, whatever sizes it has seen, and
/// keep memory for two threads and not for each. Does nothing with other allocators. Before threads are started.
void moldau_return_memory_soon(void);
#endif
