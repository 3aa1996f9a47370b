// What Swift's import of the C library leaves out.
#define _GNU_SOURCE
#include "CFiles.h"
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
