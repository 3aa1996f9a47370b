#ifndef MOLDAU_FILES_H
#define MOLDAU_FILES_H
/// Writes back everything of the file system that the descriptor is on (Linux: syncfs; elsewhere sync, which does not
/// report errors). Returns 0, or -1 with errno set.
int moldau_sync_file_system(int descriptor);
#endif
