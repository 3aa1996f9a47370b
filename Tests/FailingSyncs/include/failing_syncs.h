#pragma once

/// From here on `fsync`, by which names are made durable, fails in this thread with EIO; `fdatasync` goes on as before. There is
/// no way back: for threads that end soon.
///
/// Returns 0, or -1 where the system has no such filter.
int moldau_fail_directory_syncs(void);
