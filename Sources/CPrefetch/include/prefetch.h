#ifndef MOLDAU_PREFETCH_H
#define MOLDAU_PREFETCH_H
/// Starts to load the cache line of an address into the processor's cache. The address need not be valid.
static inline void moldau_prefetch(const void *address) { __builtin_prefetch(address); }
#endif
