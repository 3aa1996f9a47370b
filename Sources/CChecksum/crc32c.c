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

// The instruction has a latency of three cycles, and one can start per cycle: three runs of bytes are summed in
// parallel, and combined by multiplying with x to the power of a run's number of bits, for which there is a table.
#define RUN 1024

static uint32_t product(uint32_t a, uint32_t b);
static uint32_t power_of_bytes(uint64_t length);
static uint32_t passing[4][256];
static pthread_once_t passing_once = PTHREAD_ONCE_INIT;

static void fill_passing(void) {
    uint32_t factor = power_of_bytes(RUN);
    // A product with several bits is the sum (XOR) of the products with each bit.
    for (int place = 0; place < 4; place++)
        for (uint32_t byte = 1; byte < 256; byte++) {
            uint32_t rest = byte & (byte - 1);
            passing[place][byte] =
                rest ? passing[place][rest] ^ passing[place][byte ^ rest] : product(factor, byte << 8 * place);
        }
}

/// What a checksum contributes to that of the run that follows.
static uint32_t passed(uint32_t crc) {
    return passing[0][crc & 0xff] ^ passing[1][crc >> 8 & 0xff] ^ passing[2][crc >> 16 & 0xff] ^ passing[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t sum_three_runs(uint32_t crc, const uint8_t *p) {
    uint64_t first = crc, second = 0, last = 0;
    for (size_t place = 0; place < RUN; place += 8) {
        uint64_t words[3];
        memcpy(words, p + place, 8);
        memcpy(words + 1, p + RUN + place, 8);
        memcpy(words + 2, p + 2 * RUN + place, 8);
        first = _mm_crc32_u64(first, words[0]);
        second = _mm_crc32_u64(second, words[1]);
        last = _mm_crc32_u64(last, words[2]);
    }
    return passed(passed((uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)last;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p, size_t length) {
    crc = ~crc;
    if (length >= 3 * RUN) {
        pthread_once(&passing_once, fill_passing);
        for (; length >= 3 * RUN; length -= 3 * RUN, p += 3 * RUN) crc = sum_three_runs(crc, p);
    }
    uint64_t wide = crc;
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

/// x to the power of the number of bits in `length` bytes: x^8 is squared once per bit of the length.
static uint32_t power_of_bytes(uint64_t length) {
    uint32_t result = 0x80000000u, power = 0x00800000u;
    for (; length; length >>= 1) {
        if (length & 1) result = product(power, result);
        power = product(power, power);
    }
    return result;
}

uint32_t moldau_crc32c_concatenated(uint32_t first, uint32_t second, uint64_t second_length) {
    // Appending the second part multiplies the first checksum by x for each bit of that part.
    return product(power_of_bytes(second_length), first) ^ second;
}
