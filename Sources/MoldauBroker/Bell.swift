internal import Synchronization

/// What a reader leaves at partitions: rung when there is something new for it.
///
/// Rings once until `clear`, so a hundred appends cost one call. Its action is short and takes no lock that is held by
/// callers of the broker: it runs inside the calls of appenders. `PollWait` uses one to wake a thread, `FetchWait` to
/// have the broker's callbacks check again.
package final class Bell: Sendable {
    /// Events that ring it.
    package enum Occasion: CaseIterable, Sendable {
        /// Something was appended, durable or not: for readers in this process.
        case appends
        /// What external clients may read has changed: the durable end, and with it the last stable offset.
        case visibility
    }

    private let isRung = Atomic(false)
    private let body: @Sendable () -> Void

    package init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    /// Signals that there is something to check; also when the partition is deleted or closed.
    package func ring() {
        if !isRung.exchange(true, ordering: .sequentiallyConsistent) { body() }
    }

    /// Allows the next ring: called before checking, so that nothing that arrives after the check is missed.
    package func clear() { isRung.store(false, ordering: .sequentiallyConsistent) }
}
