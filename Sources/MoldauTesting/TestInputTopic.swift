import MoldauRecords

/// A topic that a test writes to, with a clock of its own: made by `TopologyTestDriver.input`.
///
/// When `pipe` returns, the topology has processed the record completely; it throws the same errors as the driver's
/// `pipe`.
public final class TestInputTopic<Key, Value> {
    /// The time of the next record that is piped without a time.
    public private(set) var time: Timestamp
    private let driver: TopologyTestDriver
    private let topic: Topic<Key, Value>
    private let step: Duration

    init(_ driver: TopologyTestDriver, _ topic: Topic<Key, Value>, from start: Timestamp, step: Duration) {
        (self.driver, self.topic, time, self.step) = (driver, topic, start, step)
    }

    /// Advances the topic's clock.
    public func advance(by duration: Duration) { time = time + duration }

    /// Pipes a record in.
    /// - Parameters:
    ///   - key: nil is a null.
    ///   - value: nil is a tombstone.
    ///   - timestamp: nil takes the time of the topic's clock and advances it by one step; otherwise the clock stays.
    ///   - headers: the record's headers; serdes may add some.
    public func pipe(key: Key?, value: Value?, at timestamp: Timestamp? = nil, headers: Headers = Headers()) throws {
        try driver.pipe(topic, key: key, value: value, at: timestamp ?? time, headers: headers)
        if timestamp == nil { advance(by: step) }
    }

    /// Pipes records in with their own timestamps, for example those that `read` returned.
    public func pipe(records: [Record<Key, Value?>]) throws {
        for record in records {
            try pipe(key: record.key, value: record.value, at: record.timestamp, headers: record.headers)
        }
    }

    /// Pipes records in, one step of the clock after the other.
    public func pipe(pairs: [(key: Key, value: Value?)]) throws {
        for (key, value) in pairs { try pipe(key: key, value: value) }
    }

    /// Pipes records without a key in, one step of the clock after the other.
    public func pipe(values: [Value?]) throws {
        for value in values { try pipe(key: nil, value: value) }
    }
}
