#include <limits.h>
#include <stdlib.h>

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "CCompression.h"

struct moldau_unpacker {
    int codec;
    const unsigned char *next;
    size_t left;
    // Whether the codec is between two frames, so that the bytes may end.
    int is_between;
    z_stream zlib;
    LZ4F_dctx *lz4;
};

moldau_unpacker *moldau_unpacker_create(int codec, const void *bytes, size_t count) {
    moldau_unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (unpacker == NULL) return NULL;
    unpacker->codec = codec;
    unpacker->next = bytes;
    unpacker->left = count;
    // 16 more than the largest window: only gzip's header is accepted, not zlib's.
    int failed = codec == 1 ? inflateInit2(&unpacker->zlib, 15 + 16) != Z_OK
                            : LZ4F_isError(LZ4F_createDecompressionContext(&unpacker->lz4, LZ4F_VERSION));
    if (failed) {
        free(unpacker);
        return NULL;
    }
    return unpacker;
}

void moldau_unpacker_destroy(moldau_unpacker *unpacker) {
    if (unpacker->codec == 1) {
        inflateEnd(&unpacker->zlib);
    } else {
        LZ4F_freeDecompressionContext(unpacker->lz4);
    }
    free(unpacker);
}

static int step_gzip(moldau_unpacker *unpacker, unsigned char *out, size_t room, size_t *written) {
    z_stream *zlib = &unpacker->zlib;
    for (;;) {
        uInt given = unpacker->left < UINT_MAX ? (uInt)unpacker->left : UINT_MAX;
        uInt wanted = room - *written < UINT_MAX ? (uInt)(room - *written) : UINT_MAX;
        zlib->next_in = (Bytef *)unpacker->next;
        zlib->avail_in = given;
        zlib->next_out = out + *written;
        zlib->avail_out = wanted;
        int status = inflate(zlib, Z_NO_FLUSH);
        unpacker->next += given - zlib->avail_in;
        unpacker->left -= given - zlib->avail_in;
        *written += wanted - zlib->avail_out;
        if (status == Z_MEM_ERROR) return moldau_unpack_no_memory;
        if (status == Z_STREAM_END) {
            if (unpacker->left == 0) return moldau_unpack_done;
            if (inflateReset(zlib) != Z_OK) return moldau_unpack_malformed;
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            return moldau_unpack_malformed;
        } else if (zlib->avail_out > 0 && unpacker->left == 0) {
            return moldau_unpack_malformed;  // The bytes ended before the stream.
        } else if (status == Z_BUF_ERROR && *written < room) {
            return moldau_unpack_malformed;
        }
        if (*written == room) return moldau_unpack_full;
    }
}

static int step_lz4(moldau_unpacker *unpacker, unsigned char *out, size_t room, size_t *written) {
    for (;;) {
        size_t given = unpacker->left, wanted = room - *written;
        size_t hint = LZ4F_decompress(unpacker->lz4, out + *written, &wanted, unpacker->next, &given, NULL);
        if (LZ4F_isError(hint)) return moldau_unpack_malformed;
        unpacker->next += given;
        unpacker->left -= given;
        *written += wanted;
        // 0: a frame has ended, and all of it is written.
        if (hint == 0 && unpacker->left == 0) return moldau_unpack_done;
        if (*written == room) return moldau_unpack_full;
        if (hint != 0 && given == 0 && wanted == 0) return moldau_unpack_malformed;
    }
}

int moldau_unpacker_step(moldau_unpacker *unpacker, void *out, size_t room, size_t *written) {
    *written = 0;
    return unpacker->codec == 1 ? step_gzip(unpacker, out, room, written) : step_lz4(unpacker, out, room, written);
}

int64_t moldau_snappy_size(const void *bytes, size_t count) {
    size_t size = 0;
    if (snappy_uncompressed_length(bytes, count, &size) != SNAPPY_OK || size > INT64_MAX) return -1;
    return (int64_t)size;
}

int moldau_snappy_unpack(const void *bytes, size_t count, void *out, size_t room, size_t *written) {
    *written = room;
    return snappy_uncompress(bytes, count, out, written) == SNAPPY_OK ? moldau_unpack_done : moldau_unpack_malformed;
}

int64_t moldau_zstd_size(const void *bytes, size_t count) {
    unsigned long long size = ZSTD_getFrameContentSize(bytes, count);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > INT64_MAX) return -1;
    return (int64_t)size;
}

int moldau_zstd_unpack(const void *bytes, size_t count, void *out, size_t room, size_t *written) {
    *written = 0;
    size_t size = ZSTD_decompress(out, room, bytes, count);
    if (!ZSTD_isError(size)) {
        *written = size;
        return moldau_unpack_done;
    }
    switch (ZSTD_getErrorCode(size)) {
    case ZSTD_error_dstSize_tooSmall: return moldau_unpack_full;
    case ZSTD_error_memory_allocation: return moldau_unpack_no_memory;
    default: return moldau_unpack_malformed;
    }
}
