/// The positions of a record batch v2's fields, and the meaning of its attribute bits: drawn in
/// RecordBatchHeader.swift.
@usableFromInline package enum BatchFormat {
    /// A big-endian number at a position in a batch.
    package struct Field<Number: FixedWidthInteger & BitwiseCopyable>: Sendable {
        package let position: Int

        init(at position: Int) { self.position = position }
    }

    package static var baseOffset: Field<Int64> { Field(at: 0) }
    /// The length of everything after `lengthEnd`.
    package static var length: Field<Int32> { Field(at: 8) }
    package static var leaderEpoch: Field<Int32> { Field(at: 12) }
    package static var magic: Field<Int8> { Field(at: 16) }
    package static var checksum: Field<UInt32> { Field(at: 17) }
    package static var attributes: Field<Int16> { Field(at: 21) }
    package static var lastOffsetDelta: Field<Int32> { Field(at: 23) }
    package static var baseTimestamp: Field<Int64> { Field(at: 27) }
    package static var maxTimestamp: Field<Int64> { Field(at: 35) }
    package static var producerID: Field<Int64> { Field(at: 43) }
    package static var producerEpoch: Field<Int16> { Field(at: 51) }
    package static var baseSequence: Field<Int32> { Field(at: 53) }
    package static var recordCount: Field<Int32> { Field(at: 57) }

    /// The number of bytes before the records.
    @usableFromInline package static let headerSize = 61
    /// The number of bytes before those that `length` counts.
    @usableFromInline package static let lengthEnd = 12
    /// The number of bytes before those that `checksum` covers.
    @usableFromInline package static let crcEnd = 21
    /// The number of bytes needed to read `magic`, which tells the format.
    package static let magicEnd = 17

    /// The value of `magic` in this format.
    package static let version: Int8 = 2

    /// The largest size, in bytes, that the records of a compressed batch may unpack to. Kafka has no such limit; by
    /// default its producers fill batches of 16 KiB and buffer 32 MiB in total.
    package static let unpackedLimit = 64 * 1_024 * 1_024

    // MARK: Attributes

    package static let codecMask: Int16 = 0x07
    package static let logAppendTime: Int16 = 0x08
    package static let transactional: Int16 = 0x10
    package static let control: Int16 = 0x20
    /// Set if the base timestamp is the delete horizon (KIP-534).
    package static let deleteHorizon: Int16 = 0x40
}

extension UnsafeRawBufferPointer {
    /// A field of the batch that begins here. The caller has checked that the bytes are there.
    package subscript<Number>(field: BatchFormat.Field<Number>) -> Number { bigEndian(at: field.position) }
}

extension UnsafeMutableRawBufferPointer {
    /// A field of the batch that begins here. The caller has checked that the bytes are there.
    package subscript<Number>(field: BatchFormat.Field<Number>) -> Number {
        get { UnsafeRawBufferPointer(self)[field] }
        nonmutating set { storeBytes(of: newValue.bigEndian, toByteOffset: field.position, as: Number.self) }
    }
}
