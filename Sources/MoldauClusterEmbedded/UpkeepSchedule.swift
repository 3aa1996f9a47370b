package import MoldauBroker
package import MoldauLog

/// What a broker needs now and then: a function of the time that passes.
package struct UpkeepSchedule: Equatable, Sendable {
    /// What is to be done from time to time.
    package enum Job: Sendable {
        /// Makes everything durable: `.interval`'s promise.
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

    /// What any broker needs.
    package static var housekeeping: UpkeepSchedule {
        UpkeepSchedule([
            Entry(job: .abortExpired, interval: .seconds(10)), Entry(job: .compact, interval: .seconds(15)),
            Entry(job: .applyRetention, interval: .seconds(300)),
        ])
    }

    /// The syncs that keep the promise of `.interval`; nil where none is made. Twice in the promised time: what comes while
    /// one has begun is on disk when the next one ends.
    package static func syncs(for durability: Durability) -> UpkeepSchedule? {
        guard case .interval(let promised) = durability else { return nil }
        return UpkeepSchedule([Entry(job: .sync, interval: max(promised / 2, .milliseconds(1)))])
    }

    /// The longest time between two looks.
    package var pause: Duration { entries.map(\.interval).min() ?? .seconds(10) }

    /// The jobs that are due, so much later than at the last look.
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
    /// Blocks until it is done.
    package func run(_ job: UpkeepSchedule.Job) throws(BrokerError) {
        switch job {
        case .sync: try syncNow()
        case .abortExpired: try abortExpired()
        case .compact: try compact()
        case .applyRetention: try applyRetention()
        }
    }
}
