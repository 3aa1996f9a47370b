// RocksDB's C API, and beside it what the C API lacks of the C++ API: the write-buffer manager, which bounds the memtables of
// several databases together, and going on after the disk was full.
#pragma once

#include <stddef.h>

#include "rocksdb/c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct moldau_write_buffer_manager_t moldau_write_buffer_manager_t;

/// Memtables of all databases opened with it start to flush when they pass `bytes` together. They are charged to
/// `cache`, which may be destroyed before the manager is.
moldau_write_buffer_manager_t *moldau_write_buffer_manager_create(size_t bytes, rocksdb_cache_t *cache);
void moldau_write_buffer_manager_destroy(moldau_write_buffer_manager_t *manager);

/// The bytes that memtables hold now.
size_t moldau_write_buffer_manager_usage(const moldau_write_buffer_manager_t *manager);

/// The options keep the manager alive.
void moldau_options_set_write_buffer_manager(rocksdb_options_t *options, moldau_write_buffer_manager_t *manager);

/// Closing writes nothing of itself: what was not flushed before is not kept.
void moldau_options_set_avoid_flush_during_shutdown(rocksdb_options_t *options);

/// Lets a database go on that stopped writing because the disk was full. `error` as in RocksDB's C API.
void moldau_resume(rocksdb_t *database, char **error);

#ifdef __cplusplus
}
#endif
