public import MoldauRecords

/// A record that is about to be sent.
public struct ProducerRecord<Key, Value> {
    /// The topic that it goes to.
    public let topic: String
    /// The key.
    public var key: Key
    /// The value.
    public var value: Value
    /// nil for the present time.
    public var timestamp: Timestamp?
    /// The headers.
    public var headers: Headers
    /// nil has the partitioner choose one.
    public var partition: Partition?
}

extension ProducerRecord: Sendable where Key: Sendable, Value: Sendable {}

/// Sees, and may change, what a producer sends, and is told what becomes of it: to measure, to audit, to add headers.
/// Kafka's `ProducerInterceptor`.
///
/// Its methods are called on whatever thread the client runs, and must not block.
public protocol ProducerInterceptor<Key, Value>: Sendable {
    /// The type of the keys.
    associatedtype Key
    /// The type of the values.
    associatedtype Value

    /// Called with a record before its key and its value become bytes. Records that are given as bytes
    /// (`enqueue(bytes:_:)`, `withAppender`) are not seen.
    /// - Returns: what is sent instead.
    func onSend(_ record: ProducerRecord<Key, Value>) -> ProducerRecord<Key, Value>

    /// Called when a record is delivered, or is not.
    /// - Parameter topic: where it was to go.
    func onAcknowledgement(_ result: Result<RecordPosition, any Error>, of topic: String)
}

extension ProducerInterceptor {
    /// Leaves the record as it is.
    public func onSend(_ record: ProducerRecord<Key, Value>) -> ProducerRecord<Key, Value> { record }

    /// Does nothing.
    public func onAcknowledgement(_ result: Result<RecordPosition, any Error>, of topic: String) {}
}
