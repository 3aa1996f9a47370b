// RocksDB's C API, and two parts of the C++ API that it lacks: the write-buffer manager, which limits the memtables of
// several databases together, and resuming after a full disk.
#pragma once

#include <stddef.h>

#include "rocksdb/c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct moldau_write_buffer_manager_t moldau_write_buffer_manager_t;

/// The memtables of all databases opened with the manager are flushed when together they exceed `bytes`. They are
/// charged to `cache`, which may be destroyed before the manager.
moldau_write_buffer_manager_t *moldau_write_buffer_manager_create(size_t bytes, rocksdb_cache_t *cache);
void moldau_write_buffer_manager_destroy(moldau_write_buffer_manager_t *manager);

/// The bytes that the memtables use now.
size_t moldau_write_buffer_manager_usage(const moldau_write_buffer_manager_t *manager);

/// The options keep the manager alive.
void moldau_options_set_write_buffer_manager(rocksdb_options_t *options, moldau_write_buffer_manager_t *manager);

/// Closing the database does not flush: memtables that were not flushed before are lost.
void moldau_options_set_avoid_flush_during_shutdown(rocksdb_options_t *options);

/// Resumes a database that stopped writing because the disk was full. `error` as in RocksDB's C API.
void moldau_resume(rocksdb_t *database, char **error);

#ifdef __cplusplus
}
#endif
