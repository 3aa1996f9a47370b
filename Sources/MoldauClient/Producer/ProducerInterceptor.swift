public import MoldauRecords

/// A record that is about to be sent.
public struct ProducerRecord<Key, Value> {
    /// The record's topic.
    public let topic: String
    /// The key.
    public var key: Key
    /// The value.
    public var value: Value
    /// nil for the current time.
    public var timestamp: Timestamp?
    /// The headers.
    public var headers: Headers
    /// nil lets the partitioner choose.
    public var partition: Partition?
}

extension ProducerRecord: Sendable where Key: Sendable, Value: Sendable {}

/// Observes, and may change, the records that a producer sends, and observes their outcomes: to measure, to audit, to
/// add headers. Kafka's `ProducerInterceptor`.
///
/// Its methods are called on any thread, also in the task that sends, and must not block.
public protocol ProducerInterceptor<Key, Value>: Sendable {
    /// The type of the keys.
    associatedtype Key
    /// The type of the values.
    associatedtype Value

    /// Called with a record before its key and value are encoded. It is not called for records that are given as bytes
    /// (`enqueue(bytes:_:)`, `withAppender`).
    /// - Returns: the record to send instead.
    func onSend(_ record: ProducerRecord<Key, Value>) -> ProducerRecord<Key, Value>

    /// Called when a record is delivered or has failed.
    /// - Parameters:
    ///   - result: where the record is, or why it was not delivered.
    ///   - topic: the record's topic.
    func onAcknowledgement(_ result: Result<RecordPosition, any Error>, of topic: String)
}

extension ProducerInterceptor {
    /// Returns the record unchanged.
    public func onSend(_ record: ProducerRecord<Key, Value>) -> ProducerRecord<Key, Value> { record }

    /// Does nothing.
    public func onAcknowledgement(_ result: Result<RecordPosition, any Error>, of topic: String) {}
}
