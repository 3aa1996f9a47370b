#include <limits.h>
#include <string.h>

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "CCompression.h"

// Kafka's reader accepts independent blocks only; 64 KiB is the block size of its writer.
static LZ4F_preferences_t lz4_preferences(void) {
    LZ4F_preferences_t preferences;
    memset(&preferences, 0, sizeof preferences);
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    return preferences;
}

// zlib's own bound, plus gzip's header and trailer.
static size_t gzip_bound(size_t count) { return compressBound(count) + 32; }

size_t moldau_packed_bound(int codec, size_t count) {
    switch (codec) {
    case 1: return gzip_bound(count);
    case 2: return snappy_max_compressed_length(count);
    case 3: {
        LZ4F_preferences_t preferences = lz4_preferences();
        return LZ4F_compressFrameBound(count, &preferences);
    }
    default: return ZSTD_compressBound(count);
    }
}

static size_t pack_gzip(const void *bytes, size_t count, void *out, size_t room) {
    if (count > UINT_MAX || room > UINT_MAX) return 0;
    z_stream zlib;
    memset(&zlib, 0, sizeof zlib);
    if (deflateInit2(&zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    zlib.next_in = (Bytef *)bytes;
    zlib.avail_in = (uInt)count;
    zlib.next_out = out;
    zlib.avail_out = (uInt)room;
    int status = deflate(&zlib, Z_FINISH);
    size_t size = room - zlib.avail_out;
    deflateEnd(&zlib);
    return status == Z_STREAM_END ? size : 0;
}

static size_t pack_lz4(const void *bytes, size_t count, void *out, size_t room) {
    LZ4F_preferences_t preferences = lz4_preferences();
    size_t size = LZ4F_compressFrame(out, room, bytes, count, &preferences);
    return LZ4F_isError(size) ? 0 : size;
}

size_t moldau_pack(int codec, const void *bytes, size_t count, void *out, size_t room) {
    switch (codec) {
    case 1: return pack_gzip(bytes, count, out, room);
    case 2: {
        size_t size = room;
        return snappy_compress(bytes, count, out, &size) == SNAPPY_OK ? size : 0;
    }
    case 3: return pack_lz4(bytes, count, out, room);
    default: {
        size_t size = ZSTD_compress(out, room, bytes, count, ZSTD_CLEVEL_DEFAULT);
        return ZSTD_isError(size) ? 0 : size;
    }
    }
}
