#ifndef MOLDAU_FILES_H
#define MOLDAU_FILES_H

/// Writes back everything of the file system that the descriptor is on (Linux: syncfs; elsewhere sync, which does not
/// report errors). Returns 0, or -1 with errno set.
int moldau_sync_file_system(int descriptor);

/// Opens /dev/null for those of the descriptors 0 to 2 that are closed: else the next file that is opened gets one of them, and
/// whatever the process prints is written into it. Runs by itself before main.
void moldau_reserve_standard_descriptors(void);

enum moldau_lock_holder {
    MOLDAU_HELD_BY_NOBODY = 0,
    /// A program of ours, which has left its name in the file.
    MOLDAU_HELD_BY_OWN = 1,
    /// Another program that locks the file as Kafka does.
    MOLDAU_HELD_BY_OTHERS = 2,
};

/// The locks on a directory: on the directory itself, so that nothing that is removed in it undoes them, and on the file
/// `.lock` in it, as Kafka and as our older versions lock it. They go with the process.
struct moldau_directory_lock {
    int directory;
    int file;
    /// Who has it, where locking failed with EWOULDBLOCK.
    int holder;
};

/// Locks a directory, at once or not at all. Returns 0, or -1 with errno set: EWOULDBLOCK where another holds it, ELOOP where
/// `.lock` is a link or something else than a file of its own.
int moldau_lock_directory(const char *path, struct moldau_directory_lock *lock);

/// Empties the file `.lock` and gives the locks up.
void moldau_unlock_directory(struct moldau_directory_lock *lock);

#endif
