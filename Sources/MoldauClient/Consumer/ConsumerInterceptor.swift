public import MoldauRecords

/// Observes the records that a consumer returns, and its commits: to measure, to audit, to filter records. Kafka's
/// `ConsumerInterceptor`.
///
/// Its methods are called on any thread, also in the task that polls, and must not block.
public protocol ConsumerInterceptor<Key, Value>: Sendable {
    /// The type of the keys.
    associatedtype Key
    /// The type of the values.
    associatedtype Value

    /// Called with the records that `poll` is about to return; records that are filtered out count as returned. It is
    /// not called for `pollBatch`, whose records are bytes.
    /// - Returns: the records to return instead.
    func onConsume(_ records: [ConsumerRecord<Key, Value>]) -> [ConsumerRecord<Key, Value>]

    /// Called when offsets have been committed.
    func onCommit(_ offsets: [TopicPartition: Offset])
}

extension ConsumerInterceptor {
    /// Returns the records unchanged.
    public func onConsume(_ records: [ConsumerRecord<Key, Value>]) -> [ConsumerRecord<Key, Value>] { records }

    /// Does nothing.
    public func onCommit(_ offsets: [TopicPartition: Offset]) {}
}
