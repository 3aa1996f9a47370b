#pragma once

/// From here on `fsync`, which makes names durable, fails on this thread with EIO; `fdatasync` still works. This cannot
/// be undone: for threads that end soon.
///
/// Returns 0, or -1 if the system has no such filter.
int moldau_fail_directory_syncs(void);
