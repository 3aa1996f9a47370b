internal import Synchronization

/// What a reader leaves at partitions: rung when there is something new for it.
///
/// Rings once until `clear`, so that a hundred appends cost one call. What it does is short and takes no lock that
/// others hold while they call the broker: it is rung amid the calls of those who append. `PollWait` wakes a thread by
/// one, `FetchWait` has the broker's callbacks look again.
package final class Bell: Sendable {
    /// What it is rung for.
    package enum Occasion: CaseIterable, Sendable {
        /// Something was appended, durable or not: for readers in this process.
        case appends
        /// What may be read from outside has changed: the durable end, and with it the last stable offset.
        case visibility
    }

    private let isRung = Atomic(false)
    private let body: @Sendable () -> Void

    package init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    /// Says that there is something to look at.
    package func ring() {
        if !isRung.exchange(true, ordering: .sequentiallyConsistent) { body() }
    }

    /// Lets it ring again: called before looking, so that nothing that comes after the look is missed.
    package func clear() { isRung.store(false, ordering: .sequentiallyConsistent) }
}
