extension RecordBatchHeader {
    /// How the records are compressed.
    /// - Throws: `RecordBatchError.unsupportedCompression`.
    package var compression: Compression {
        get throws(RecordBatchError) {
            guard let known = Compression(rawValue: codec) else { throw .unsupportedCompression(codec: codec) }
            return known
        }
    }

    /// The records of the batch, unpacked: `records` is everything after the header.
    /// - Throws: `RecordBatchError.unsupportedCompression`, `.unpackedTooLarge`; `.malformed` for other bytes than the
    ///   codec's.
    func unpack(_ records: UnsafeRawBufferPointer) throws(RecordBatchError) -> SharedBytes {
        let compression = try compression
        do {
            return try compression.unpack(records, limit: BatchFormat.unpackedLimit)
        } catch .tooLarge {
            throw .unpackedTooLarge(baseOffset: baseOffset, limit: BatchFormat.unpackedLimit)
        } catch {
            throw .malformed(baseOffset: baseOffset, field: .compression)
        }
    }

    /// A copy of the batch with its records compressed in another way: header fields other than codec, length and
    /// checksum stay.
    /// - Parameter batch: the whole batch of this header.
    package func packed(
        _ batch: UnsafeRawBufferPointer, as compression: Compression
    ) throws(RecordBatchError) -> SharedBytes {
        let records = UnsafeRawBufferPointer(rebasing: batch[BatchFormat.headerSize..<byteCount])
        let unpacked = codec == 0 ? nil : try unpack(records)
        var writer = ByteWriter(capacity: byteCount)
        writer.append(contentsOf: UnsafeRawBufferPointer(rebasing: batch[..<BatchFormat.headerSize]))
        withExtendedLifetime(unpacked) { compression.pack(unpacked?.bytes ?? records, into: &writer) }
        guard writer.count <= Int32.max else { throw .malformed(baseOffset: baseOffset, field: .batchLength) }
        writer.finishBatch(attributes: attributes & ~BatchFormat.codecMask | Int16(compression.rawValue))
        return SharedBytes(taking: writer)
    }
}

extension ByteWriter {
    /// Compresses everything from `start` on.
    mutating func pack(from start: Int, by compression: Compression) {
        let packed = compression.pack(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        truncate(to: start)
        append(contentsOf: packed.bytes)
    }

    /// Sets, in the batch that has been written, what depends on its other bytes: attributes, length and checksum.
    mutating func finishBatch(attributes: Int16) {
        let batch = UnsafeMutableRawBufferPointer(start: base, count: count)
        batch[BatchFormat.length] = Int32(count - BatchFormat.lengthEnd)
        batch[BatchFormat.attributes] = attributes
        batch[BatchFormat.checksum] = crc32c(UnsafeRawBufferPointer(rebasing: batch[BatchFormat.crcEnd...]))
    }
}
