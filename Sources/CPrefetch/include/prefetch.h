#ifndef MOLDAU_PREFETCH_H
#define MOLDAU_PREFETCH_H
/// Begins to bring the cache line of an address into the processor's cache. Any address will do.
static inline void moldau_prefetch(const void *address) { __builtin_prefetch(address); }
#endif
