internal import Foundation
internal import MoldauBroker
internal import MoldauLog

/// A thread that does what has to happen now and then: `.interval`'s syncs, retention, and the end of transactions that
/// are open for too long.
final class Upkeep: Sendable {
    private static let retentionInterval: Duration = .seconds(300)
    private static let transactionInterval: Duration = .seconds(10)

    private struct State {
        var isStopped = false
        /// The thread holds the broker.
        var isWorking = false
    }

    private let state = Monitor(State())

    /// Starts the thread. It ends at `stop`.
    init<Files: FileSystem>(of broker: Broker<Files>, durability: Durability) {
        let state = state
        var pause = Self.transactionInterval
        if case .interval(let promised) = durability { pause = min(pause, max(promised, .milliseconds(1))) }
        let thread = Thread { [weak broker, pause] in
            var sinceRetention: Duration = .zero
            var sinceTransactions: Duration = .zero
            while state.wait(timeout: pause, { $0.isStopped ? true : nil }) == nil {
                let mayWork = state.withLock { state in
                    state.isWorking = !state.isStopped
                    return state.isWorking
                }
                guard mayWork else { return }
                sinceRetention += pause
                sinceTransactions += pause
                Self.work(
                    on: broker, durability, endsTransactions: sinceTransactions >= Self.transactionInterval,
                    appliesRetention: sinceRetention >= Self.retentionInterval)
                if sinceTransactions >= Self.transactionInterval { sinceTransactions = .zero }
                if sinceRetention >= Self.retentionInterval { sinceRetention = .zero }
                state.withLock(wakes: true) { $0.isWorking = false }
            }
        }
        thread.name = "moldau-upkeep"
        thread.start()
    }

    /// An error here comes out again at the next append or flush, to somebody who can act on it.
    private static func work<Files: FileSystem>(
        on broker: Broker<Files>?, _ durability: Durability, endsTransactions: Bool, appliesRetention: Bool
    ) {
        guard let broker else { return }
        if case .interval = durability { try? broker.syncNow() }
        if endsTransactions { try? broker.abortExpired() }
        if appliesRetention { try? broker.applyRetention() }
    }

    /// Returns when the thread does not hold the broker any more.
    func stop() {
        state.withLock(wakes: true) { $0.isStopped = true }
        _ = state.wait { $0.isWorking ? nil : true }
    }

    deinit { stop() }
}
