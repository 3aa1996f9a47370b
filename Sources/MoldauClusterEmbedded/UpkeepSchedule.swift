package import MoldauBroker
package import MoldauLog

/// The regular work of a broker: a function of elapsed time.
package struct UpkeepSchedule: Equatable, Sendable {
    /// A recurring job.
    package enum Job: Sendable {
        /// Makes everything durable: implements `.interval`.
        case sync
        case abortExpired
        case compact
        case applyRetention
    }

    private struct Entry: Equatable, Sendable {
        let job: Job
        let interval: Duration
        var sinceRun: Duration = .zero
    }

    private var entries: [Entry]

    private init(_ entries: [Entry]) { self.entries = entries }

    /// The jobs that every broker needs.
    package static var housekeeping: UpkeepSchedule {
        UpkeepSchedule([
            Entry(job: .abortExpired, interval: .seconds(10)), Entry(job: .compact, interval: .seconds(15)),
            Entry(job: .applyRetention, interval: .seconds(300)),
        ])
    }

    /// The syncs that implement `.interval`; nil for other durabilities. They run twice in the promised time: records
    /// that arrive while one is running are on disk when the next one ends.
    package static func syncs(for durability: Durability) -> UpkeepSchedule? {
        guard case .interval(let promised) = durability else { return nil }
        return UpkeepSchedule([Entry(job: .sync, interval: max(promised / 2, .milliseconds(1)))])
    }

    /// The longest time that may pass between two checks.
    package var pause: Duration { entries.map(\.interval).min() ?? .seconds(10) }

    /// The jobs that are due, when this much time has passed since the last check.
    package mutating func due(after passed: Duration) -> [Job] {
        var due: [Job] = []
        for index in entries.indices {
            entries[index].sinceRun += passed
            guard entries[index].sinceRun >= entries[index].interval else { continue }
            entries[index].sinceRun = .zero
            due.append(entries[index].job)
        }
        return due
    }
}

extension Broker {
    /// Runs a job. Blocks until it is done.
    package func run(_ job: UpkeepSchedule.Job) throws(BrokerError) {
        switch job {
        case .sync: try syncNow()
        case .abortExpired: try abortExpired()
        case .compact: try compact()
        case .applyRetention: try applyRetention()
        }
    }
}
