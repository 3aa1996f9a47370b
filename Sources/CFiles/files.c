// Calls to the operating system that are not available to Swift code.
#define _GNU_SOURCE
#include "CFiles.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int moldau_sync_file_system(int descriptor) {
#if defined(__linux__)
    return syncfs(descriptor);
#else
    (void)descriptor;
    sync();
    return 0;
#endif
}

int moldau_begin_writeback(int descriptor, long long position, long long count) {
#if defined(__linux__)
    return sync_file_range(descriptor, position, count, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor, (void)position, (void)count;
    return 0;
#endif
}

// A constructor runs before main, and so before the first file is opened, in every program that links this library.
__attribute__((constructor)) void moldau_reserve_standard_descriptors(void) {
    int descriptor;
    do {
        descriptor = open("/dev/null", O_RDWR);
    } while (descriptor >= 0 && descriptor < 3);
    if (descriptor >= 3) close(descriptor);
}

// Locks a file as Java does (fcntl). Prefers a lock on the open file description, if the system supports it: it is not
// released when another part of the process closes the file.
static int lock_as_java(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
#if defined(F_OFD_SETLK)
    if (fcntl(descriptor, F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EINVAL) return -1;
#endif
    return fcntl(descriptor, F_SETLK, &lock);
}

static int is_held(int error) { return error == EWOULDBLOCK || error == EAGAIN || error == EACCES; }

// Takes both locks. Returns 0 or an errno value: EWOULDBLOCK if another process holds one.
static int acquire(const char *path, struct moldau_directory_lock *lock) {
    lock->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock->directory < 0) return errno;
    // Some network file systems cannot lock directories; then the lock on the file must suffice.
    if (flock(lock->directory, LOCK_EX | LOCK_NB) != 0 && is_held(errno)) {
        lock->holder = MOLDAU_HELD_BY_OWN;
        return EWOULDBLOCK;
    }
    lock->file = openat(lock->directory, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (lock->file < 0) return errno;
    struct stat found;
    if (fstat(lock->file, &found) != 0) return errno;
    // If the file has a second hard link, it may be any other file, and must not be overwritten.
    if (!S_ISREG(found.st_mode) || found.st_nlink > 1) return ELOOP;
    if (flock(lock->file, LOCK_EX | LOCK_NB) != 0) {
        if (!is_held(errno)) return errno;
        lock->holder = MOLDAU_HELD_BY_OWN;
        return EWOULDBLOCK;
    }
    if (lock_as_java(lock->file) != 0 && is_held(errno)) {
        lock->holder = MOLDAU_HELD_BY_OTHERS;
        return EWOULDBLOCK;
    }
    return 0;
}

int moldau_lock_directory(const char *path, struct moldau_directory_lock *lock) {
    *lock = (struct moldau_directory_lock){.directory = -1, .file = -1, .holder = MOLDAU_HELD_BY_NOBODY};
    int error = acquire(path, lock);
    if (error == 0) return 0;
    if (lock->file >= 0) close(lock->file);
    if (lock->directory >= 0) close(lock->directory);
    lock->file = lock->directory = -1;
    errno = error;
    return -1;
}

void moldau_unlock_directory(struct moldau_directory_lock *lock) {
    if (lock->file >= 0) {
        // The file names the holder of the lock: empty it.
        int ignored = ftruncate(lock->file, 0);
        (void)ignored;
        close(lock->file);
    }
    if (lock->directory >= 0) close(lock->directory);
    lock->file = lock->directory = -1;
}
