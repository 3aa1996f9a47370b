public import MoldauRecords
internal import Synchronization

/// The number of a topic in its producer, once it is known.
final class TopicNumber: Sendable {
    private let number = Atomic<Int>(-1)

    var value: Int? {
        get {
            let known = number.load(ordering: .relaxed)
            return known < 0 ? nil : known
        }
        set { number.store(newValue ?? -1, ordering: .relaxed) }
    }
}

/// What a record of a topic whose number is known needs.
@usableFromInline struct OpenTopic {
    @usableFromInline let memory: EncodingMemory
    let sender: ProducerSender
    let number: Int

    @usableFromInline func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?, _ headers: Headers,
        _ partition: Partition?
    ) throws -> Acknowledgement? { try sender.append(to: number, partition, key, value, timestamp, headers) }
}

extension Serde {
    /// Appends the bytes of a value, and the headers of a serde that has some.
    /// - Returns: false for a null.
    @inlinable func append(_ value: Value, to writer: inout ByteWriter, _ headers: inout Headers) throws -> Bool {
        if isNull(value) { return false }
        try encode(value, &writer, headers: &headers)
        return true
    }

    /// The bytes of a value; nil for a null. Adds the headers of a serde that has some.
    func encoded(_ value: Value, _ headers: inout Headers) throws -> SharedBytes? {
        var writer = ByteWriter(capacity: 128)
        return try append(value, to: &writer, &headers) ? SharedBytes(taking: writer) : nil
    }
}
