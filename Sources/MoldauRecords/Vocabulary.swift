/// The place of a record in its partition: 0 for the first record ever appended, one more for each record after it.
public struct Offset: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var value: Int64

    @inlinable public init(_ value: Int64) { self.value = value }

    public static let zero = Offset(0)

    @inlinable public static func < (left: Offset, right: Offset) -> Bool { left.value < right.value }
    @inlinable public static func + (offset: Offset, count: Int64) -> Offset { Offset(offset.value + count) }
    @inlinable public static func - (later: Offset, earlier: Offset) -> Int64 { later.value - earlier.value }

    public var description: String { String(value) }
}

/// A point in time: milliseconds since 1970-01-01T00:00Z. Negative means "none" in Kafka's formats.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var ms: Int64

    @inlinable public init(ms: Int64) { self.ms = ms }

    /// What stream time is before the first record.
    public static let none = Timestamp(ms: -1)

    @inlinable public static func < (left: Timestamp, right: Timestamp) -> Bool { left.ms < right.ms }
    @inlinable public static func + (time: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(ms: time.ms.addingReportingOverflow(duration.milliseconds).partialValue)
    }

    public var description: String { String(ms) }
}

extension Duration {
    /// The whole milliseconds in this duration, rounded towards zero; `Int64.max` when it is longer than they can say.
    @inlinable public var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        return overflow ? (seconds < 0 ? .min : .max) : whole + attoseconds / 1_000_000_000_000_000
    }
}

/// One of a topic's partitions, counted from 0.
public struct Partition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var number: Int32

    @inlinable public init(_ number: Int32) { self.number = number }

    @inlinable public static func < (left: Partition, right: Partition) -> Bool { left.number < right.number }

    public var description: String { String(number) }
}

/// A partition of a named topic; `orders-3` in text and as the name of its directory.
public struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var topic: String
    public var partition: Partition

    public init(_ topic: String, _ partition: Partition) {
        self.topic = topic
        self.partition = partition
    }

    public init(_ topic: String, _ partition: Int32) { self.init(topic, Partition(partition)) }

    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }

    public var description: String { "\(topic)-\(partition)" }
}
