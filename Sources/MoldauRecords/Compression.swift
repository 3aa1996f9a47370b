// How the records of a batch are compressed, all of them as one block.
//
//     1 gzip      one gzip stream or several
//     2 snappy    one raw block, as librdkafka writes it and we do; or in the framing of Java's xerial library:
//                 82 "SNAPPY" 00 · version i32 · compatible version i32 · (size i32 · raw block)*, big-endian
//     3 lz4       LZ4 frames
//     4 zstd      Zstandard frames
//
// The bytes to unpack are untrusted: a few of them can expand to gigabytes. If they state their unpacked size, the
// limit is checked before memory is allocated; otherwise it is checked as the output grows.

internal import CCompression

/// A codec of record batches, with its number in their attributes.
package enum Compression: Int, CaseIterable, Sendable {
    case none, gzip, snappy, lz4, zstd

    /// The codec with this name in Kafka's settings (`gzip`; `none` for no compression); nil for other names.
    package init?(name: String) {
        guard let codec = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = codec
    }

    /// Its name in Kafka's settings.
    package var name: String { "\(self)" }

    /// Why bytes could not be unpacked.
    package enum Failure: Error, Equatable {
        /// They are not valid output of the codec.
        case malformed
        /// They unpack to more than the limit.
        case tooLarge
    }

    /// Returns the bytes compressed with the codec's default settings.
    package func pack(_ bytes: UnsafeRawBufferPointer) -> SharedBytes {
        if self == .none { return SharedBytes(copying: bytes) }
        var writer = ByteWriter(capacity: 256)
        pack(bytes, into: &writer)
        return SharedBytes(taking: writer)
    }

    /// Appends the bytes compressed with the codec's default settings.
    package func pack(_ bytes: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        if self == .none { return writer.append(contentsOf: bytes) }
        let room = moldau_packed_bound(CInt(rawValue), bytes.count)
        let size = moldau_pack(CInt(rawValue), bytes.start, bytes.count, writer.reserve(room), room)
        precondition(size > 0, "out of memory while compressing \(bytes.count) bytes")
        writer.advance(by: size)
    }

    /// Returns the bytes unpacked. The buffer for them never exceeds `limit` (snappy, zstd) or twice `limit` (gzip,
    /// lz4).
    package func unpack(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(Failure) -> SharedBytes {
        switch self {
        case .none: SharedBytes(copying: bytes)
        case .gzip, .lz4: try unpackInSteps(bytes, limit)
        case .snappy: try SnappyBlocks(bytes).unpack(limit: limit)
        case .zstd: try unpackZstandard(bytes, limit)
        }
    }

    /// The buffer size of the first attempt if the bytes do not state their unpacked size.
    private func firstRoom(_ bytes: UnsafeRawBufferPointer, _ limit: Int) -> Int {
        min(limit, max(4_096, bytes.count * 4))
    }

    private func unpackInSteps(_ bytes: UnsafeRawBufferPointer, _ limit: Int) throws(Failure) -> SharedBytes {
        guard let unpacker = moldau_unpacker_create(CInt(rawValue), bytes.start, bytes.count) else {
            preconditionFailure("out of memory while decompressing \(bytes.count) bytes")
        }
        defer { moldau_unpacker_destroy(unpacker) }
        var writer = ByteWriter(capacity: firstRoom(bytes, limit))
        while true {
            // Room for one byte beyond the limit, to notice that there is more.
            let room = max(1, min(writer.capacity - writer.count, limit + 1 - writer.count))
            var written = 0
            let status = moldau_unpacker_step(unpacker, writer.reserve(room), room, &written)
            writer.advance(by: written)
            if writer.count > limit { throw .tooLarge }
            switch status {
            case CInt(moldau_unpack_done): return SharedBytes(taking: writer)
            case CInt(moldau_unpack_full): continue
            default: throw .malformed
            }
        }
    }

    private func unpackZstandard(_ bytes: UnsafeRawBufferPointer, _ limit: Int) throws(Failure) -> SharedBytes {
        if bytes.isEmpty { throw .malformed }
        let told = moldau_zstd_size(bytes.start, bytes.count)
        if told > limit { throw .tooLarge }
        // A block takes at least 3 bytes, and unpacks to 128 KiB at most.
        if told / (128 * 1_024) > bytes.count { throw .malformed }
        var room = told > 0 ? Int(told) : firstRoom(bytes, limit)
        while true {
            var written = 0
            var status = CInt(0)
            let unpacked = SharedBytes(capacity: room) { memory in
                status = moldau_zstd_unpack(bytes.start, bytes.count, memory.baseAddress, room, &written)
                return written
            }
            switch status {
            case CInt(moldau_unpack_done): return unpacked
            case CInt(moldau_unpack_full):
                if room >= limit { throw .tooLarge }
                room = min(limit, room * 2)
            default: throw .malformed
            }
        }
    }
}

/// The raw blocks of snappy-compressed bytes, with or without xerial's framing.
private struct SnappyBlocks {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
    /// The magic, and two versions.
    private static let headerSize = 16

    private var blocks: [UnsafeRawBufferPointer] = []

    init(_ bytes: UnsafeRawBufferPointer) throws(Compression.Failure) {
        guard bytes.count >= Self.headerSize, bytes.prefix(Self.magic.count).elementsEqual(Self.magic) else {
            blocks = [bytes]
            return
        }
        var position = Self.headerSize
        while position < bytes.count {
            guard bytes.count - position >= 4 else { throw .malformed }
            let size = Int(bytes.bigEndian(at: position) as Int32)
            position += 4
            guard size > 0, size <= bytes.count - position else { throw .malformed }
            blocks.append(UnsafeRawBufferPointer(rebasing: bytes[position..<(position + size)]))
            position += size
        }
    }

    func unpack(limit: Int) throws(Compression.Failure) -> SharedBytes {
        var total = 0
        for block in blocks {
            let size = moldau_snappy_size(block.start, block.count)
            // Three bytes unpack to 64 at most.
            guard size >= 0, size / 22 <= block.count else { throw .malformed }
            total += Int(size)
            if total > limit { throw .tooLarge }
        }
        return try SharedBytes(capacity: total) { memory throws(Compression.Failure) in
            var end = 0
            for block in blocks {
                let size = Int(moldau_snappy_size(block.start, block.count))
                var written = 0
                let place = memory.baseAddress.map { $0 + end }
                let status = moldau_snappy_unpack(block.start, block.count, place, size, &written)
                guard status == CInt(moldau_unpack_done), written == size else { throw .malformed }
                end += size
            }
            return end
        }
    }
}
