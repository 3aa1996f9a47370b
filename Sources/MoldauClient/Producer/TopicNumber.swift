internal import MoldauRecords
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

extension Serde {
    /// The bytes of a value; nil for a null. Adds the headers of a serde that has some.
    func encoded(_ value: Value, _ headers: inout Headers) throws -> SharedBytes? {
        if isNull(value) { return nil }
        var writer = ByteWriter(capacity: 128)
        try encode(value, &writer, headers: &headers)
        return SharedBytes(taking: writer)
    }
}
