// The four codecs of Kafka's record batches, by libraries that RocksDB needs as well: zlib, Snappy, LZ4 and Zstandard.
//
// The bytes to unpack are not trusted: no function writes beyond the buffer that it is given, and none allocates memory
// by a size that the bytes claim; the caller checks the size and provides the buffer.
#ifndef MOLDAU_COMPRESSION_H
#define MOLDAU_COMPRESSION_H
#include <stddef.h>
#include <stdint.h>

/// How a call has ended.
enum {
    /// Everything is unpacked.
    moldau_unpack_done = 0,
    /// The buffer is full, or was too small.
    moldau_unpack_full = 1,
    /// The bytes are not valid output of the codec, or end too early.
    moldau_unpack_malformed = 2,
    /// Out of memory.
    moldau_unpack_no_memory = 3,
};

/// Unpacks gzip streams or LZ4 frames piece by piece; there may be any number of them, concatenated.
typedef struct moldau_unpacker moldau_unpacker;

/// Prepares to unpack `count` bytes, which must stay in place meanwhile. `codec`: 1 gzip, 3 LZ4. NULL if out of memory.
moldau_unpacker *moldau_unpacker_create(int codec, const void *bytes, size_t count);
/// Unpacks up to `room` bytes, at least one, into `out`, and sets `written`. After `moldau_unpack_full`, call it again
/// with the next buffer; after anything else, do not call it again.
int moldau_unpacker_step(moldau_unpacker *unpacker, void *out, size_t room, size_t *written);
void moldau_unpacker_destroy(moldau_unpacker *unpacker);

/// The unpacked size that a Snappy block states; -1 if it states none.
int64_t moldau_snappy_size(const void *bytes, size_t count);
/// Unpacks one Snappy block. `room` must be the size that the block states.
int moldau_snappy_unpack(const void *bytes, size_t count, void *out, size_t room, size_t *written);

/// The unpacked size that the first Zstandard frame states; -1 if it states none, or if there is no frame.
int64_t moldau_zstd_size(const void *bytes, size_t count);
/// Unpacks concatenated Zstandard frames. Needs no memory for a frame's window: the output buffer is the window.
int moldau_zstd_unpack(const void *bytes, size_t count, void *out, size_t room, size_t *written);

/// The largest packed size of `count` bytes. `codec`: 1 gzip, 2 Snappy, 3 LZ4, 4 Zstandard.
size_t moldau_packed_bound(int codec, size_t count);
/// Packs all bytes at once, with Kafka's default settings. `room` must be at least `moldau_packed_bound`. Returns the
/// packed size; 0 on failure: out of memory or, for gzip, about 4 GiB or more.
size_t moldau_pack(int codec, const void *bytes, size_t count, void *out, size_t room);
#endif
