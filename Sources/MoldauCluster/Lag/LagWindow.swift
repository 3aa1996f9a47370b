// Whether a group keeps up with a partition, judged by its last ten commits. A single lag is not enough: a group that
// works through a backlog has a large one, and a group that has failed may have a small one. In this order:
//
//     ok       the lag is 0 now
//     stop     no commit for longer than the commits took together, unless the partition ended at the last one lately
//     ok       the lag was 0 at one of the commits
//     rewind   the offset went back between two commits
//     stall    all commits are of one offset
//     warning  the lag did not become smaller between any two commits
//     ok
//
// Clusters return offsets, but not when they were committed, so samples define the commits: an offset that has changed
// is a commit, and so is an unchanged one while the group has members, because members commit from time to time.

internal import MoldauRecords

/// A group's last commits in one partition, and the judgement of its lag.
package struct LagWindow: Sendable, Hashable {
    /// The maximum number of commits that are considered.
    package static let length = 10
    /// The minimum number of samples for a judgement. With fewer, only a lag of 0 can be judged.
    package static let fewestSamples = 3

    private struct Commit: Hashable {
        let offset: Offset
        let lag: Int64
        /// By the monotonic clock.
        let time: Duration
    }

    /// At most `length`, in the order of their times.
    private var commits: [Commit] = []
    /// The partition's ends at the last samples, at most `length`.
    private var ends: [Offset] = []
    /// Up to `length`.
    private var sampleCount = 0
    private var lastSample: Duration = .zero
    /// The place in the last sample.
    package private(set) var place: GroupProgress.Place

    /// The window of a partition with its first sample.
    /// - Parameter time: of a monotonic clock.
    package init(_ place: GroupProgress.Place, at time: Duration) {
        self.place = place
        add(place, isRead: true, at: time)
    }

    /// Adds a sample.
    /// - Parameters:
    ///   - isRead: whether the group has members.
    ///   - time: of a monotonic clock, not before that of the previous sample.
    package mutating func add(_ place: GroupProgress.Place, isRead: Bool, at time: Duration) {
        self.place = place
        lastSample = time
        sampleCount = min(sampleCount + 1, Self.length)
        ends.append(place.end)
        if ends.count > Self.length { ends.removeFirst() }
        guard isRead || place.committed != commits.last?.offset else { return }
        commits.append(Commit(offset: place.committed, lag: place.lag, time: time))
        if commits.count > Self.length { commits.removeFirst() }
    }

    /// How much of the window is filled: from 0 to 1.
    package var complete: Double { Double(sampleCount) / Double(Self.length) }

    /// The judgement at the time of the last sample; nil if there are too few samples.
    package var judgement: LagJudgement? {
        if place.lag == 0 { return .ok }
        guard sampleCount >= Self.fewestSamples else { return nil }
        // A group that was at the end has nothing to commit until there are more records: its silence begins then.
        if hasStopped, !ends.contains(place.committed) { return .stop }
        if commits.contains(where: { $0.lag == 0 }) { return .ok }
        if neighbours.contains(where: { $1.offset < $0.offset }) { return .rewind }
        if commits.allSatisfy({ $0.offset == place.committed }) { return .stall }
        return neighbours.allSatisfy { $1.lag >= $0.lag } ? .warning : .ok
    }

    private var neighbours: Zip2Sequence<[Commit], ArraySlice<Commit>> { zip(commits, commits.dropFirst()) }

    private var hasStopped: Bool {
        guard let first = commits.first, let last = commits.last else { return false }
        return lastSample - last.time > last.time - first.time
    }

    /// The judgement as a sentence: why, with the figures.
    package var reason: String {
        guard let judgement, let first = commits.first, let last = commits.last else {
            return "\(sampleCount) of \(Self.fewestSamples) samples: a judgement needs more"
        }
        let left = "\(place.lag) \(place.lag == 1 ? "offset is" : "offsets are") left"
        let span = "\((last.time - first.time).milliseconds / 1_000) s"
        switch judgement {
        case .ok: return place.lag == 0 ? "it has read everything" : "it keeps up; \(left)"
        case .warning: return "its lag went from \(first.lag) to \(last.lag) within \(span), and never became smaller"
        case .stall: return "it is in the group, but stays at offset \(place.committed); \(left)"
        case .stop:
            return "nothing was committed for \((lastSample - last.time).milliseconds / 1_000) s; \(left)"
        case .rewind:
            let back = neighbours.reversed().first { $1.offset < $0.offset }
            return "its offset went back from \(back?.0.offset ?? .zero) to \(back?.1.offset ?? .zero); \(left)"
        }
    }
}
