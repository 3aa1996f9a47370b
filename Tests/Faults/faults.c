// Makes calls to the operating system fail, in programs that preload this library (LD_PRELOAD).
//
//     FAULT_FILES=PART   which files: those whose path contains this
//     FAULT_SHORT=N      reads and writes move at most N bytes a call
//     FAULT_INTERRUPT=N  every N-th call is interrupted before it does anything (EINTR)
//     FAULT_FULL=N       from the N-th write on there is no room (ENOSPC)
//     FAULT_SYNC=N       from the N-th sync on the disk fails (EIO)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls, writes, syncs;

static long setting(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

static int is_meant(int descriptor) {
  char link[64], path[4096];
  const char *part = getenv("FAULT_FILES");
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (!part || length < 0) return 0;
  path[length] = 0;
  return strstr(path, part) != NULL;
}

static int is_interrupted(void) {
  long every = setting("FAULT_INTERRUPT");
  if (every == 0 || atomic_fetch_add(&calls, 1) % every != 0) return 0;
  errno = EINTR;
  return 1;
}

static int fails(atomic_long *count, const char *name, int code) {
  long first = setting(name);
  if (first == 0 || atomic_fetch_add(count, 1) + 1 < first) return 0;
  errno = code;
  return 1;
}

static size_t shortened(size_t count) {
  long most = setting("FAULT_SHORT");
  return most > 0 && count > (size_t)most ? (size_t)most : count;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define READ(name) \
  ssize_t name(int descriptor, void *buffer, size_t count, off_t position) { \
    if (!is_meant(descriptor)) return NEXT(name)(descriptor, buffer, count, position); \
    if (is_interrupted()) return -1; \
    return NEXT(name)(descriptor, buffer, shortened(count), position); \
  }
READ(pread)
READ(pread64)

#define WRITE(name) \
  ssize_t name(int descriptor, const struct iovec *parts, int count, off_t position) { \
    if (!is_meant(descriptor)) return NEXT(name)(descriptor, parts, count, position); \
    if (is_interrupted() || fails(&writes, "FAULT_FULL", ENOSPC)) return -1; \
    struct iovec first = parts[0].iov_len > 0 || count == 1 ? parts[0] : parts[1]; \
    size_t length = shortened(first.iov_len); \
    if (length == first.iov_len && setting("FAULT_SHORT") == 0) return NEXT(name)(descriptor, parts, count, position); \
    first.iov_len = length; \
    return NEXT(name)(descriptor, &first, 1, position); \
  }
WRITE(pwritev)
WRITE(pwritev64)

#define SYNC(name) \
  int name(int descriptor) { \
    if (!is_meant(descriptor)) return NEXT(name)(descriptor); \
    if (is_interrupted() || fails(&syncs, "FAULT_SYNC", EIO)) return -1; \
    return NEXT(name)(descriptor); \
  }
SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)

#define TRUNCATE(name) \
  int name(int descriptor, off_t size) { \
    if (is_meant(descriptor) && is_interrupted()) return -1; \
    return NEXT(name)(descriptor, size); \
  }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)
