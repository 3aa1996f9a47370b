// RocksDB's C API, and beside it the one thing of its C++ API that the C API lacks: the write-buffer manager, which
// bounds the memtables of several databases together.
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

#ifdef __cplusplus
}
#endif
