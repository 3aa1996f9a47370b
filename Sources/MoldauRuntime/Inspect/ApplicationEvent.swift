import MoldauRecords
import MoldauTopology
import Synchronization

/// Something that happened to an application, for later inspection by people.
package struct ApplicationEvent: Sendable, Hashable, Codable {
    /// The kind of event.
    package enum Kind: String, Sendable, Codable {
        case state, rebalance, commit, thread, restore, failure
    }

    /// The time, by the wall clock.
    package var time: Timestamp
    package var kind: Kind
    /// The event, as a sentence without its full stop.
    package var text: String
}

/// The last events of an application: a limited number, the newest last. Commits are aggregated by the second, and
/// stored separately so that they do not push the others out.
final class EventLog: Sendable {
    /// How many events are kept at most, commits included.
    static let limit = 500
    private static let commitSeconds = 120

    private struct Contents {
        var events: [ApplicationEvent] = []
        var commits: [(second: Int64, count: Int64)] = []
    }

    private let contents = Mutex(Contents())

    func note(_ kind: ApplicationEvent.Kind, _ text: String, at time: Timestamp) {
        contents.withLock { contents in
            contents.events.append(ApplicationEvent(time: time, kind: kind, text: text))
            if contents.events.count > Self.limit - Self.commitSeconds { contents.events.removeFirst() }
        }
    }

    func noteCommits(_ count: Int64, at time: Timestamp) {
        let second = time.ms / 1_000
        contents.withLock { contents in
            if let last = contents.commits.indices.last, contents.commits[last].second == second {
                contents.commits[last].count += count
                return
            }
            contents.commits.append((second, count))
            if contents.commits.count > Self.commitSeconds { contents.commits.removeFirst() }
        }
    }

    /// In the order of their times.
    var events: [ApplicationEvent] {
        let (events, commits) = contents.withLock { ($0.events, $0.commits) }
        let summed = commits.map { second, count in
            ApplicationEvent(
                time: Timestamp(ms: second * 1_000), kind: .commit, text: count == 1 ? "1 commit" : "\(count) commits")
        }
        return (events + summed).sorted(on: \.time)
    }
}

extension StreamsConfiguration {
    /// A copy of the configuration that also records the start and end of restores.
    func noting(restoresIn log: EventLog, clock: @escaping @Sendable () -> RoundTime) -> StreamsConfiguration {
        var configuration = self
        configuration.onRestore = { [onRestore] progress in
            if progress.phase != .progressed { log.note(.restore, "\(progress)", at: clock().wall) }
            onRestore(progress)
        }
        return configuration
    }
}
