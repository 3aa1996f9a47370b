#ifndef COUNTED_ALLOCATIONS_H
#define COUNTED_ALLOCATIONS_H
#include <stdint.h>
/// How often this thread has allocated heap memory since it started; -1 if allocations cannot be counted.
int64_t counted_allocations(void);
#endif
