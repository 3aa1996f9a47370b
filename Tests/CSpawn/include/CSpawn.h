#pragma once

#include <spawn.h>

/// Has a program that is to be started begin in a directory. `posix_spawn_file_actions_addchdir_np`, which Swift does not
/// see on Linux.
int spawn_in_directory(posix_spawn_file_actions_t *actions, const char *directory);

/// Has a program that is to be started get the descriptors 0 to 2 only.
int spawn_without_descriptors(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes);
