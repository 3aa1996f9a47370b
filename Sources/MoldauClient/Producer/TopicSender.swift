public import MoldauRecords
internal import Synchronization

/// Sends the records of one topic: the part of a producer that does not depend on their types. (The typed part is
/// compiled where the producer is used.)
@usableFromInline final class TopicSender: Sendable {
    let sender: ProducerSender
    /// Whether records go to their batches without passing interceptors.
    private let isDirect: Bool
    @usableFromInline let memory = EncodingMemory(mostBytes: 64 << 10)
    private let storedNumber = Atomic<Int>(-1)

    init(_ sender: ProducerSender, isDirect: Bool) { (self.sender, self.isDirect) = (sender, isDirect) }

    /// The topic's number in the sender; nil until it is known.
    var number: Int? {
        get {
            let known = storedNumber.load(ordering: .relaxed)
            return known < 0 ? nil : known
        }
        set { storedNumber.store(newValue ?? -1, ordering: .relaxed) }
    }

    /// Whether records may be appended at once.
    @usableFromInline var isOpen: Bool { isDirect && number != nil }

    /// - Returns: nil if there is no room, or if the topic's number is not known.
    @usableFromInline func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?, _ headers: Headers,
        _ partition: Partition?
    ) throws -> Acknowledgement? {
        guard let number else { return nil }
        return try sender.append(to: number, partition, key, value, timestamp, headers)
    }
}

extension Serde {
    /// Appends the bytes of a value, and the headers that its serde adds.
    /// - Returns: false for a null.
    @inlinable func append(_ value: Value, to writer: inout ByteWriter, _ headers: inout Headers) throws -> Bool {
        if isNull(value) { return false }
        try encode(value, &writer, headers: &headers)
        return true
    }

    /// The bytes of a value; nil for a null. Adds the serde's headers.
    func encoded(_ value: Value, _ headers: inout Headers) throws -> SharedBytes? {
        var writer = ByteWriter(capacity: 128)
        return try append(value, to: &writer, &headers) ? SharedBytes(taking: writer) : nil
    }
}
