// The four compressions of Kafka's record batches, by the libraries that RocksDB needs as well: zlib, Snappy, LZ4 and
// Zstandard.
//
// Nothing here trusts the bytes to unpack. No function writes more than the room that it is given, and none reserves
// memory by a size that the bytes claim: the caller looks at the size, and gives the room.
#ifndef MOLDAU_COMPRESSION_H
#define MOLDAU_COMPRESSION_H
#include <stddef.h>
#include <stdint.h>

/// How a step has ended.
enum {
    /// All is unpacked.
    moldau_unpack_done = 0,
    /// There was not enough room.
    moldau_unpack_full = 1,
    /// The bytes are not what the codec writes, or end too early.
    moldau_unpack_malformed = 2,
    /// The system has no memory.
    moldau_unpack_no_memory = 3,
};

/// Unpacks gzip and LZ4 frames piece by piece: both may hold any number of them, one after another.
typedef struct moldau_unpacker moldau_unpacker;

/// Begins with `count` bytes, which must stay where they are. `codec`: 1 gzip, 3 LZ4. NULL if there is no memory.
moldau_unpacker *moldau_unpacker_create(int codec, const void *bytes, size_t count);
/// Unpacks into `room` bytes at `out`, at least one, and sets `written`. After `moldau_unpack_full` it goes on with the
/// next room; after anything else it is not used again.
int moldau_unpacker_step(moldau_unpacker *unpacker, void *out, size_t room, size_t *written);
void moldau_unpacker_destroy(moldau_unpacker *unpacker);

/// The size that a Snappy block says it unpacks to; -1 if it says none.
int64_t moldau_snappy_size(const void *bytes, size_t count);
/// Unpacks one Snappy block into exactly the room that it says it needs.
int moldau_snappy_unpack(const void *bytes, size_t count, void *out, size_t room, size_t *written);

/// The size that the first Zstandard frame says it unpacks to; -1 if it says none, or if there is no frame.
int64_t moldau_zstd_size(const void *bytes, size_t count);
/// Unpacks Zstandard frames, one after another. Needs no memory for a frame's window: that is the room itself.
int moldau_zstd_unpack(const void *bytes, size_t count, void *out, size_t room, size_t *written);

/// The room that packing `count` bytes needs at most. `codec`: 1 gzip, 2 Snappy, 3 LZ4, 4 Zstandard.
size_t moldau_packed_bound(int codec, size_t count);
/// Packs all bytes at once, with the settings that Kafka has by default. `room` is at least `moldau_packed_bound`.
/// Returns the packed size; 0 if that failed, for lack of memory.
size_t moldau_pack(int codec, const void *bytes, size_t count, void *out, size_t room);
#endif
