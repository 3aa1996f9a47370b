#!/usr/bin/env python3
"""Prints the records of a log segment (record batch v2) as JSON lines; written independently of the Swift code, to check it.

    read_segment.py 00000000000000000000.log

One line per record: offset, timestamp, key, value, headers (bytes in hex, null for a null), and its batch's base offset.
Exits with 1 and a sentence at the first byte that violates the format.
"""
import json
import struct
import sys

HEADER = struct.Struct(">qiibIhiqqqhii")
TABLE = []
for n in range(256):
    for _ in range(8):
        n = (n >> 1) ^ 0x82F63B78 if n & 1 else n >> 1
    TABLE.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if count < 0 or self.at + count > len(self.data):
            raise ValueError("a field of %d bytes does not fit" % count)
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)

    def text(self):
        length = self.varint()
        return None if length == -1 else self.take(length).hex()


def records(batch):
    (base, length, epoch, magic, crc, attributes, last_delta, first_time, max_time, producer, producer_epoch, sequence,
     count) = HEADER.unpack_from(batch)
    if magic != 2:
        raise ValueError("magic %d" % magic)
    if crc32c(batch[21:]) != crc:
        raise ValueError("wrong checksum at offset %d" % base)
    if attributes & 7:
        raise ValueError("compressed")
    body = Cursor(batch[HEADER.size:])
    times = []
    for index in range(count):
        record = Cursor(body.take(body.varint()))
        record.take(1)
        times.append(first_time + record.varint())
        delta = record.varint()
        if delta != index:
            raise ValueError("offset delta %d of record %d" % (delta, index))
        fields = {"batch": base, "offset": base + delta, "timestamp": times[-1]}
        fields["key"] = record.text()
        fields["value"] = record.text()
        fields["headers"] = [[bytes.fromhex(record.text()).decode(), record.text()] for _ in range(record.varint())]
        if record.at != len(record.data):
            raise ValueError("bytes after record %d" % delta)
        yield fields
    if body.at != len(body.data) or last_delta != count - 1 or max_time != max(times):
        raise ValueError("the header of the batch at %d contradicts its records" % base)


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        size = 12 + struct.unpack_from(">i", data, at + 8)[0]
        if at + size > len(data):
            raise ValueError("the batch at byte %d is cut short" % at)
        for record in records(data[at:at + size]):
            print(json.dumps(record))
        at += size


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (ValueError, struct.error) as error:
        sys.exit("%s: %s" % (sys.argv[1], error))
