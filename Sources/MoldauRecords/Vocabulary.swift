/// The position of a record in its partition: 0 for the first record ever appended, one more for each record after it.
public struct Offset: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The offset as a number.
    public var value: Int64

    /// The offset with that number.
    @inlinable public init(_ value: Int64) { self.value = value }

    /// The first offset of a new partition.
    public static let zero = Offset(0)

    @inlinable public static func < (left: Offset, right: Offset) -> Bool { left.value < right.value }
    /// The offset that many records later.
    @inlinable public static func + (offset: Offset, count: Int64) -> Offset { Offset(offset.value + count) }
    /// The difference between two offsets.
    @inlinable public static func - (later: Offset, earlier: Offset) -> Int64 { later.value - earlier.value }

    /// How many offsets are left up to `end`; 0 if `end` is lower.
    package func lag(behind end: Offset) -> Int64 { max(0, end.value.subtractingCapped(value)) }

    public var description: String { String(value) }
}

/// A point in time: milliseconds since 1970-01-01T00:00Z. Negative means "none" in Kafka's formats.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Milliseconds since 1970.
    public var ms: Int64

    /// The time that many milliseconds after 1970-01-01T00:00Z.
    @inlinable public init(ms: Int64) { self.ms = ms }

    /// Stream time before the first record.
    public static let none = Timestamp(ms: -1)

    @inlinable public static func < (left: Timestamp, right: Timestamp) -> Bool { left.ms < right.ms }
    /// The later time, or the last representable one.
    @inlinable public static func + (time: Timestamp, duration: Duration) -> Timestamp {
        time.adding(ms: duration.milliseconds)
    }
    /// The earlier time, or the first representable one.
    @inlinable public static func - (time: Timestamp, duration: Duration) -> Timestamp {
        time.subtracting(ms: duration.milliseconds)
    }
    /// How much later the first time is than the second one.
    @inlinable public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .milliseconds(later.ms.subtractingCapped(earlier.ms))
    }

    /// Like `+`, in milliseconds.
    @inlinable package func adding(ms: Int64) -> Timestamp { Timestamp(ms: self.ms.addingCapped(ms)) }
    /// Like `-`, in milliseconds.
    @inlinable package func subtracting(ms: Int64) -> Timestamp { Timestamp(ms: self.ms.subtractingCapped(ms)) }

    public var description: String { String(ms) }
}

// Times come from outside and may have any value, durations come from settings: arithmetic on them saturates instead of
// trapping.
extension Int64 {
    /// The sum, or the nearest representable number.
    @inlinable package func addingCapped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the nearest representable number.
    @inlinable package func subtractingCapped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }

    /// The product, or the nearest representable number.
    @inlinable package func multipliedCapped(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}

extension Duration {
    /// The whole milliseconds in this duration, rounded towards zero; `Int64.max` or `.min` if the duration is longer
    /// than that.
    @inlinable package var milliseconds: Int64 {
        // The seconds of a longer duration may not fit in 64 bits.
        if self >= .milliseconds(Int64.max) { return .max }
        if self <= .milliseconds(Int64.min) { return .min }
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}

/// The number of a partition within its topic, counted from 0.
public struct Partition: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Its number within the topic, from 0.
    public var number: Int32

    /// The partition with that number.
    @inlinable public init(_ number: Int32) { self.number = number }

    @inlinable public static func < (left: Partition, right: Partition) -> Bool { left.number < right.number }

    public var description: String { String(number) }
}

/// A partition of a named topic, written `orders-3`; its directory has the same name.
public struct TopicPartition: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// The topic's name.
    public var topic: String
    /// The partition of the topic.
    public var partition: Partition

    /// A partition of a topic.
    public init(_ topic: String, _ partition: Partition) {
        self.topic = topic
        self.partition = partition
    }

    /// A partition of a topic, by its number.
    public init(_ topic: String, _ partition: Int32) { self.init(topic, Partition(partition)) }

    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }

    public var description: String { "\(topic)-\(partition)" }
}
