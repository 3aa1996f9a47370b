internal import Foundation
internal import MoldauBroker
internal import MoldauLog

/// A thread that does what has to happen now and then: `.interval`'s syncs, and retention.
final class Upkeep: Sendable {
    private static let retentionInterval: Duration = .seconds(300)

    private let isStopped = Monitor(false)

    /// Starts the thread. It ends at `stop`.
    init<Files: FileSystem>(of broker: Broker<Files>, durability: Durability) {
        let isStopped = isStopped
        var interval = Self.retentionInterval
        if case .interval(let promised) = durability { interval = min(interval, max(promised, .milliseconds(1))) }
        let pause = interval
        let thread = Thread { [weak broker] in
            var sinceRetention: Duration = .zero
            while isStopped.wait(timeout: pause, { $0 ? true : nil }) == nil {
                guard let broker else { return }
                sinceRetention += pause
                // An error here comes out again at the next append or flush, to somebody who can act on it.
                if case .interval = durability { try? broker.syncNow() }
                guard sinceRetention >= Self.retentionInterval else { continue }
                sinceRetention = .zero
                try? broker.applyRetention()
            }
        }
        thread.name = "moldau-upkeep"
        thread.start()
    }

    func stop() { isStopped.withLock(wakes: true) { $0 = true } }

    deinit { stop() }
}
