#define _GNU_SOURCE

#include "CSpawn.h"

int spawn_in_directory(posix_spawn_file_actions_t *actions, const char *directory) {
    return posix_spawn_file_actions_addchdir_np(actions, directory);
}

int spawn_without_descriptors(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes) {
#ifdef __APPLE__
    (void)actions;
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_CLOEXEC_DEFAULT);
#else
    (void)attributes;
    return posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
}
