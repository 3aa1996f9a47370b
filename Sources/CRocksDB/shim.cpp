#include "CRocksDB.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "rocksdb/write_buffer_manager.h"

// The C API's types are opaque. In every release, each of these three has a C++ object as its first and only member, so
// a pointer to the wrapper is a pointer to the object.
static rocksdb::Options *unwrap(rocksdb_options_t *options) { return reinterpret_cast<rocksdb::Options *>(options); }

static std::shared_ptr<rocksdb::Cache> *unwrap(rocksdb_cache_t *cache) {
    return reinterpret_cast<std::shared_ptr<rocksdb::Cache> *>(cache);
}

static rocksdb::DB *unwrap(rocksdb_t *database) { return *reinterpret_cast<rocksdb::DB **>(database); }

struct moldau_write_buffer_manager_t {
    std::shared_ptr<rocksdb::WriteBufferManager> shared;
};

extern "C" {

moldau_write_buffer_manager_t *moldau_write_buffer_manager_create(size_t bytes, rocksdb_cache_t *cache) {
    return new moldau_write_buffer_manager_t{std::make_shared<rocksdb::WriteBufferManager>(bytes, *unwrap(cache))};
}

void moldau_write_buffer_manager_destroy(moldau_write_buffer_manager_t *manager) { delete manager; }

size_t moldau_write_buffer_manager_usage(const moldau_write_buffer_manager_t *manager) {
    return manager->shared->memory_usage();
}

void moldau_options_set_write_buffer_manager(rocksdb_options_t *options, moldau_write_buffer_manager_t *manager) {
    unwrap(options)->write_buffer_manager = manager->shared;
}

void moldau_options_set_avoid_flush_during_shutdown(rocksdb_options_t *options) {
    unwrap(options)->avoid_flush_during_shutdown = true;
}

void moldau_resume(rocksdb_t *database, char **error) {
    rocksdb::Status status = unwrap(database)->Resume();
    if (status.ok()) return;
    free(*error);
    *error = strdup(status.ToString().c_str());
}
}
