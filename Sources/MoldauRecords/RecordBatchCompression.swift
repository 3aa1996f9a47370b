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
    /// - Throws: `RecordBatchError.unsupportedCompression`, `.unpackedTooLarge`; `.malformed` if the bytes are not
    ///   valid for the codec.
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

    /// A copy of the batch with its records compressed by another codec: header fields other than codec, length and
    /// checksum are kept.
    /// - Parameter batch: the whole batch, which begins with this header.
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

    /// Sets the attributes of the written batch, and the length and checksum that result.
    mutating func finishBatch(attributes: Int16) {
        let batch = UnsafeMutableRawBufferPointer(start: base, count: count)
        batch[BatchFormat.length] = Int32(count - BatchFormat.lengthEnd)
        batch[BatchFormat.attributes] = attributes
        batch[BatchFormat.checksum] = crc32c(UnsafeRawBufferPointer(rebasing: batch[BatchFormat.crcEnd...]))
    }
}
