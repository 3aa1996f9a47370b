// Tells the thread sanitizer about the order that Swift's `Mutex` creates, for programs that preload this library
// (LD_PRELOAD).
//
// On Linux a lock without contention is an atomic exchange that the compiler puts into the caller, where the sanitizer
// sees it. With contention the caller calls two functions that wait in the kernel. They are in the standard library,
// which is not instrumented, so without the replacements below everything done inside a contended lock is reported. (A
// third one, for `withLockIfAvailable`, is not used here.)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

// Missing in programs without the sanitizer.
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

typedef SWIFT void Lock(uint32_t thread, SELF handle);
typedef SWIFT void Unlock(SELF handle);

Lock lock __asm__(LOCK);
Unlock unlock __asm__(UNLOCK);

SWIFT void lock(uint32_t thread, SELF handle) {
  ((Lock *)dlsym(RTLD_NEXT, LOCK))(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void unlock(SELF handle) {
  if (__tsan_release) __tsan_release(handle);
  ((Unlock *)dlsym(RTLD_NEXT, UNLOCK))(handle);
}
