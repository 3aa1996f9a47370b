#ifndef COUNTED_ALLOCATIONS_H
#define COUNTED_ALLOCATIONS_H
#include <stdint.h>
/// How many times this thread has asked for heap memory since it began; -1 where allocations cannot be counted.
int64_t counted_allocations(void);
#endif
