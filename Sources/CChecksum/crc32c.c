// CRC-32C by the processor's instruction: SSE4.2 on x86-64 (detected at run time), the CRC extension on arm64 (known
// at compile time); elsewhere slicing-by-8 over tables that are filled once.

#include "CChecksum.h"
#include <pthread.h>
#include <string.h>

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
        table[0][byte] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t crc = table[slice - 1][byte];
            table[slice][byte] = (crc >> 8) ^ table[0][crc & 0xff];
        }
}

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t moldau_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    pthread_once(&table_once, fill_table);
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; length >= 8; length -= 8, p += 8) {
        uint32_t low = crc ^ load32(p), high = load32(p + 4);
        crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24]
            ^ table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
    }
    while (length--) crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p, size_t length) {
    uint64_t wide = ~crc;
    for (; length >= 8; length -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    while (length--) narrow = _mm_crc32_u8(narrow, *p++);
    return ~narrow;
}

uint32_t moldau_crc32c(uint32_t crc, const void *bytes, size_t length) {
    if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(crc, bytes, length);
    return moldau_crc32c_portable(crc, bytes, length);
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t moldau_crc32c(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; length >= 8; length -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }
    while (length--) crc = __crc32cb(crc, *p++);
    return ~crc;
}

#else

uint32_t moldau_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return moldau_crc32c_portable(crc, bytes, length);
}

#endif

// Polynomials over GF(2) modulo CRC-32C's, highest power in the lowest bit: 1 is 0x80000000, x is 0x40000000.

static uint32_t product(uint32_t a, uint32_t b) {
    uint32_t sum = 0;
    for (; a; a <<= 1) {
        if (a & 0x80000000u) sum ^= b;
        b = (b >> 1) ^ (0x82f63b78u & (0u - (b & 1)));
    }
    return sum;
}

uint32_t moldau_crc32c_concatenated(uint32_t first, uint32_t second, uint64_t second_length) {
    // Multiplies the first checksum by x to the power of the number of bits after it: x^8 is squared once per bit of
    // the length.
    uint32_t power = 0x00800000u;
    for (; second_length; second_length >>= 1) {
        if (second_length & 1) first = product(power, first);
        power = product(power, power);
    }
    return first ^ second;
}
