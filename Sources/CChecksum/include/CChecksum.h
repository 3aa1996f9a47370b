#ifndef MOLDAU_CHECKSUM_H
#define MOLDAU_CHECKSUM_H
#include <stddef.h>
#include <stdint.h>
/// CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin). Uses the processor's instruction if it
/// has one.
uint32_t moldau_crc32c(uint32_t crc, const void *bytes, size_t length);
/// The same computed with tables, for processors without the instruction.
uint32_t moldau_crc32c_portable(uint32_t crc, const void *bytes, size_t length);
/// The CRC-32C of two byte sequences concatenated, computed from the CRC-32C of each and the second's length.
uint32_t moldau_crc32c_concatenated(uint32_t first, uint32_t second, uint64_t second_length);
#endif
