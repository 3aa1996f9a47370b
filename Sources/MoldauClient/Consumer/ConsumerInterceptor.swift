public import MoldauRecords

/// Sees the records that a consumer returns, and what it commits: to measure, to audit, to leave records out. Kafka's
/// `ConsumerInterceptor`.
///
/// Its methods are called on whatever thread the client runs, and must not block.
public protocol ConsumerInterceptor<Key, Value>: Sendable {
    /// The type of the keys.
    associatedtype Key
    /// The type of the values.
    associatedtype Value

    /// Called with the records that `poll` is about to return; records that are left out count as returned. Records of
    /// `pollBatch` are bytes, which interceptors do not see.
    /// - Returns: what is returned instead.
    func onConsume(_ records: [ConsumerRecord<Key, Value>]) -> [ConsumerRecord<Key, Value>]

    /// Called when offsets have been committed.
    func onCommit(_ offsets: [TopicPartition: Offset])
}

extension ConsumerInterceptor {
    /// Leaves the records as they are.
    public func onConsume(_ records: [ConsumerRecord<Key, Value>]) -> [ConsumerRecord<Key, Value>] { records }

    /// Does nothing.
    public func onCommit(_ offsets: [TopicPartition: Offset]) {}
}
