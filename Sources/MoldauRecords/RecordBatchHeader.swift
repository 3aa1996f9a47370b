// Record batch v2, big-endian, as it is stored in segments and sent over the wire:
//
//      0  baseOffset i64          23  lastOffsetDelta i32     51  producerEpoch i16
//      8  batchLength i32         27  baseTimestamp i64       53  baseSequence i32
//     12  leaderEpoch i32         35  maxTimestamp i64        57  count i32
//     16  magic i8 = 2            43  producerId i64          61  records
//     17  crc u32
//     21  attributes i16
//
// batchLength counts from leaderEpoch on; the CRC-32C covers everything from attributes on, so that a broker can set
// the base offset and the leader epoch without touching it. Only BatchFormat.swift has the positions in code.

/// Why bytes cannot be read as a record batch.
public enum RecordBatchError: Error, Equatable, CustomStringConvertible {
    /// There are fewer bytes than a header takes, or than the header says.
    case truncated(needed: Int, got: Int)
    /// The batch is not in format v2.
    case unsupportedMagic(Int8)
    /// The records are compressed with an unknown codec, which has this number.
    case unsupportedCompression(codec: Int)
    /// The records unpack to more than `limit` bytes.
    case unpackedTooLarge(baseOffset: Offset, limit: Int)
    /// The checksum does not match the bytes: they have changed since they were written.
    case checksumMismatch(baseOffset: Offset, stored: UInt32, computed: UInt32)
    /// A field of the header or of a record contradicts another field, or the format.
    case malformed(baseOffset: Offset, part: String)

    /// The error for that part of the batch.
    package static func malformed(baseOffset: Offset, field: BatchField) -> RecordBatchError {
        .malformed(baseOffset: baseOffset, part: field.rawValue)
    }

    public var description: String {
        switch self {
        case .truncated(let needed, let got): "a record batch takes \(needed) bytes, but there are only \(got)"
        case .unsupportedMagic(let magic): "record batches of format \(magic) cannot be read; only format 2 can"
        case .unsupportedCompression(let codec):
            "the batch is compressed by the unknown codec \(codec); known codecs: 1 (gzip), 2 (snappy), 3 (lz4), 4 (zstd)"
        case .unpackedTooLarge(let base, let limit):
            "the batch at offset \(base) unpacks to more than \(limit) bytes; produce smaller batches"
        case .checksumMismatch(let base, let stored, let computed):
            "the batch at offset \(base) is damaged: its checksum is \(stored), its bytes give \(computed)"
        case .malformed(let base, let part): "the batch at offset \(base) is malformed: invalid \(part)"
        }
    }
}

/// The parts of a batch, by their names in errors.
@usableFromInline
package enum BatchField: String, Sendable {
    case baseOffset = "base offset"
    case batchLength = "batch length"
    case lastOffsetDelta = "last offset delta"
    case recordCount = "record count"
    case recordLength = "record length"
    case recordTimestamp = "record timestamp"
    case recordOffset = "record offset"
    case keyLength = "key length"
    case valueLength = "value length"
    case headers = "record headers"
    case attributes = "attributes"
    case producer = "producer"
    case sequence = "sequence number"
    case compression = "compressed records"
    case trailingBytes = "bytes after the last record"
}

/// The header of a record batch: everything before its records.
package struct RecordBatchHeader: Equatable, Sendable {
    /// The offset of the first record, before any compaction.
    package var baseOffset: Offset
    /// The size of the whole batch in bytes, header included.
    package var byteCount: Int
    /// Kafka's leader epoch of the partition when the batch was written.
    package var leaderEpoch: Int32
    /// The stored CRC-32C of the batch.
    package var checksum: UInt32
    /// Flags and codec: see the properties below.
    package var attributes: Int16
    /// The last offset minus the first.
    package var lastOffsetDelta: Int32
    /// The base of the records' timestamps.
    package var baseTimestamp: Timestamp
    /// The newest timestamp of its records.
    package var maxTimestamp: Timestamp
    /// The producer that wrote the batch.
    package var producer: ProducerStamp
    /// The number of records. Compaction can leave fewer than `lastOffsetDelta + 1`.
    package var recordCount: Int32

    /// The offset of the last record, before any compaction.
    package var lastOffset: Offset { Offset(baseOffset.value &+ Int64(lastOffsetDelta)) }
    /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    package var codec: Int { Int(attributes & BatchFormat.codecMask) }
    /// Whether all records have `maxTimestamp`, given by the broker's clock, instead of their producers' timestamps.
    package var isLogAppendTime: Bool { attributes & BatchFormat.logAppendTime != 0 }
    /// Whether the batch holds a transaction's marker.
    package var isControl: Bool { attributes & BatchFormat.control != 0 }

    /// Reads the header at the front of `bytes`; the records after it need not be there.
    /// - Throws: `RecordBatchError.truncated`, `.unsupportedMagic`, or `.malformed` where fields contradict the format.
    package init(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
        guard bytes.count >= BatchFormat.headerSize else {
            throw .truncated(needed: BatchFormat.headerSize, got: bytes.count)
        }
        baseOffset = Offset(bytes[BatchFormat.baseOffset])
        leaderEpoch = bytes[BatchFormat.leaderEpoch]
        checksum = bytes[BatchFormat.checksum]
        attributes = bytes[BatchFormat.attributes]
        lastOffsetDelta = bytes[BatchFormat.lastOffsetDelta]
        baseTimestamp = Timestamp(ms: bytes[BatchFormat.baseTimestamp])
        maxTimestamp = Timestamp(ms: bytes[BatchFormat.maxTimestamp])
        producer = ProducerStamp(
            id: bytes[BatchFormat.producerID], epoch: bytes[BatchFormat.producerEpoch],
            baseSequence: bytes[BatchFormat.baseSequence], isTransactional: attributes & BatchFormat.transactional != 0)
        recordCount = bytes[BatchFormat.recordCount]
        byteCount = Int(bytes[BatchFormat.length]) + BatchFormat.lengthEnd

        let magic = bytes[BatchFormat.magic]
        guard magic == BatchFormat.version else { throw .unsupportedMagic(magic) }
        guard byteCount >= BatchFormat.headerSize else { throw .malformed(baseOffset: baseOffset, field: .batchLength) }
        guard baseOffset >= .zero, baseOffset.value <= Int64.max - Int64(Int32.max) - 1 else {
            throw .malformed(baseOffset: baseOffset, field: .baseOffset)
        }
        guard lastOffsetDelta >= 0 else { throw .malformed(baseOffset: baseOffset, field: .lastOffsetDelta) }
        guard recordCount >= 0, Int64(recordCount) <= Int64(lastOffsetDelta) + 1 else {
            throw .malformed(baseOffset: baseOffset, field: .recordCount)
        }
    }

    /// Verifies the checksum of the whole batch at the front of `bytes`. About 0.12 ns a byte.
    /// - Throws: `RecordBatchError.truncated` if the batch is not complete, `.checksumMismatch`.
    package func validateChecksum(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
        guard bytes.count >= byteCount else { throw .truncated(needed: byteCount, got: bytes.count) }
        let computed = crc32c(UnsafeRawBufferPointer(rebasing: bytes[BatchFormat.crcEnd..<byteCount]))
        guard computed == checksum else {
            throw .checksumMismatch(baseOffset: baseOffset, stored: checksum, computed: computed)
        }
    }
}

/// Which producer wrote a batch, and the batch's place in its sequence. Idempotence and transactions depend on it.
@usableFromInline package struct ProducerStamp: Hashable, Sendable {
    /// The producer id that the cluster assigned; -1 if batches have no sequence numbers.
    package var id: Int64
    /// The producer's epoch; a newer one fences older ones.
    package var epoch: Int16
    /// The sequence number of the batch's first record.
    package var baseSequence: Int32
    /// Whether the batch is part of a transaction.
    package var isTransactional: Bool

    /// A producer, and the batch's place in its sequence.
    package init(id: Int64, epoch: Int16, baseSequence: Int32, isTransactional: Bool = false) {
        self.id = id
        self.epoch = epoch
        self.baseSequence = baseSequence
        self.isTransactional = isTransactional
    }

    /// A producer without idempotence.
    package static let none = ProducerStamp(id: -1, epoch: -1, baseSequence: -1)
}

extension UnsafeRawBufferPointer {
    /// The big-endian integer at `position`. The caller has checked that the bytes are there.
    @inlinable @inline(__always)
    package func bigEndian<Number: FixedWidthInteger & BitwiseCopyable>(at position: Int) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: position, as: Number.self))
    }
}
