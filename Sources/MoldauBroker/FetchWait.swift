package import MoldauLog
package import MoldauRecords
internal import Synchronization

/// Which records a reader gets.
package enum Isolation: Sendable {
    /// Everything that is durable, whatever the outcome of its transaction.
    case uncommitted
    /// Only what is durable and decided. Aborted transactions are listed.
    case committed
}

/// A reader that waits without a thread: until enough bytes are readable, or its time is over.
///
/// Its completion is called once, from the broker's callbacks, or by the caller that ends the wait: with no lock held.
/// Then it reads by `BrokerPartition.fetch`, whatever the outcome.
package final class FetchWait<Files: FileSystem>: Sendable {
    /// Where the reader is in a partition.
    package struct Want: Sendable {
        let partition: BrokerPartition<Files>
        let offset: Offset
        let isolation: Isolation

        package init(_ partition: BrokerPartition<Files>, from offset: Offset, isolation: Isolation) {
            (self.partition, self.offset, self.isolation) = (partition, offset, isolation)
        }
    }

    /// Why a wait ended.
    package enum Outcome: Equatable, Sendable {
        case ready
        /// Fewer bytes are readable than were requested.
        case expired
        case cancelled
        /// A read of one of the partitions would fail with this error.
        case failed(BrokerError)
    }

    private struct State: Sendable {
        /// nil once it has been called.
        var completion: (@Sendable (Outcome) -> Void)?
        var timer: Int?
        /// nil once the wait has ended.
        var bell: Bell?
    }

    private let wants: [Want]
    private let minBytes: Int
    private let callbacks: Callbacks
    private let state: Mutex<State>

    private init(
        _ wants: [Want], minBytes: Int, _ callbacks: Callbacks, _ completion: @escaping @Sendable (Outcome) -> Void
    ) {
        (self.wants, self.minBytes, self.callbacks) = (wants, minBytes, callbacks)
        state = Mutex(State(completion: completion))
    }

    /// - Parameter wait: the longest time to wait.
    static func begin(
        _ wants: [Want], minBytes: Int, for wait: Duration, _ callbacks: Callbacks,
        then completion: @escaping @Sendable (Outcome) -> Void
    ) -> FetchWait {
        let waiting = FetchWait(wants, minBytes: minBytes, callbacks, completion)
        let bell = Bell { callbacks.call { waiting.look() } }
        waiting.begin(bell, for: wait)
        return waiting
    }

    /// Ends the wait, if it has not ended: the completion is called before this returns.
    package func cancel() { finish(.cancelled) }

    private func begin(_ bell: Bell, for wait: Duration) {
        state.withLock { $0.bell = bell }
        for want in wants { want.partition.add(bell, for: .visibility) }
        look()
        if wait <= .zero { return finish(.expired) }
        guard state.withLock({ $0.completion != nil }) else { return }
        let timer = callbacks.call(after: wait) { [self] in finish(.expired) }
        let isOver = state.withLock { state in
            state.timer = timer
            return state.completion == nil
        }
        if isOver { callbacks.cancel(timer) }
    }

    /// Appenders ring after they have appended, and the bell is cleared before this checks: so nothing is missed.
    private func look() {
        state.withLock { $0.bell }?.clear()
        do throws(BrokerError) {
            var bytes = 0
            for want in wants { bytes += try want.partition.readableBytes(from: want.offset, want.isolation) }
            if bytes >= max(minBytes, 1) { finish(.ready) }
        } catch {
            finish(.failed(error))
        }
    }

    private func finish(_ outcome: Outcome) {
        let (completion, timer, bell) = state.withLock { state in
            defer { (state.completion, state.bell) = (nil, nil) }
            return (state.completion, state.timer, state.bell)
        }
        guard let completion else { return }
        if let bell {
            for want in wants { want.partition.remove(bell) }
        }
        if let timer { callbacks.cancel(timer) }
        completion(outcome)
    }
}

extension Broker {
    /// Calls back when `minBytes` are readable (at least 1; as exact as the index), when a partition fails, or when
    /// `wait` is over: at once on this thread if that is already so. Does not block.
    @discardableResult
    package func awaitRecords(
        _ wants: [FetchWait<Files>.Want], minBytes: Int, for wait: Duration,
        then completion: @escaping @Sendable (FetchWait<Files>.Outcome) -> Void
    ) -> FetchWait<Files> {
        .begin(wants, minBytes: minBytes, for: wait, callbacks, then: completion)
    }
}
