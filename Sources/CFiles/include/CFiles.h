#ifndef MOLDAU_FILES_H
#define MOLDAU_FILES_H

/// Syncs everything that was written to the descriptor's file system to disk (Linux: syncfs; elsewhere sync, which does
/// not report errors). Returns 0, or -1 with errno set.
int moldau_sync_file_system(int descriptor);

/// Starts to write a part of a file to disk, without waiting for completion (Linux: sync_file_range; elsewhere a
/// no-op). Returns 0, or -1 with errno set.
int moldau_begin_writeback(int descriptor, long long position, long long count);

/// Opens /dev/null as each of the descriptors 0 to 2 that is closed. Otherwise the next file that is opened would get
/// that descriptor, and whatever the process prints would be written into the file. Called automatically before main.
void moldau_reserve_standard_descriptors(void);

enum moldau_lock_holder {
    MOLDAU_HELD_BY_NOBODY = 0,
    /// A Moldau program, which has written its name into the file.
    MOLDAU_HELD_BY_OWN = 1,
    /// Another program that locks the file the way Kafka does.
    MOLDAU_HELD_BY_OTHERS = 2,
};

/// The locks on a directory: one on the directory itself, which removing files in it does not undo, and one on the file
/// `.lock` in it, as Kafka and older versions of Moldau lock it. They are released when the process ends.
struct moldau_directory_lock {
    int directory;
    int file;
    /// Who holds the lock, if locking failed with EWOULDBLOCK.
    int holder;
};

/// Locks a directory without waiting. Returns 0, or -1 with errno set: EWOULDBLOCK if another process holds the lock,
/// ELOOP if `.lock` is a link or not a regular file.
int moldau_lock_directory(const char *path, struct moldau_directory_lock *lock);

/// Empties the file `.lock` and releases the locks.
void moldau_unlock_directory(struct moldau_directory_lock *lock);

#endif
