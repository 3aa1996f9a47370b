import MoldauBroker
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime

/// Tracks what a run's durability guarantees, and what a power cut may lose.
///
/// With `.sync` nothing that was acknowledged; with `.interval` only data that was acknowledged within that time; with
/// `.os` everything.
struct DurabilityPromises {
    private typealias Positions = [TopicPartition: (offset: Offset, time: Timestamp)]

    private let durability: Durability
    private var syncs: UpkeepSchedule?
    private var lastLook: Timestamp
    /// Data that was acknowledged up to this time is on disk.
    private var keptUpTo = Timestamp.none
    /// The positions that the application committed, with the times of the commits. Entries that are no longer needed
    /// are removed.
    private var committed: [(time: Timestamp, positions: Positions)] = []
    /// Whether acknowledged data may have been lost.
    private(set) var wereUsed = false

    /// - Parameter isLate: whether syncs run too rarely.
    init(_ durability: Durability, now: Timestamp, isLate: Bool) {
        self.durability = durability
        lastLook = now
        guard case .interval(let promised) = durability else { return }
        syncs = .syncs(for: .interval(isLate ? promised * 10 : promised))
    }

    /// The jobs that the broker must do now.
    mutating func due(now: Timestamp) -> [UpkeepSchedule.Job] {
        defer { lastLook = now }
        return syncs?.due(after: .milliseconds(now.ms - lastLook.ms)) ?? []
    }

    /// Called when the jobs due at that time are done.
    mutating func looked(now: Timestamp) {
        guard case .interval(let promised) = durability else { return }
        keptUpTo = Timestamp(ms: now.ms - promised.milliseconds)
        let old = committed.lastIndex { $0.time <= keptUpTo } ?? 0
        committed.removeFirst(old)
    }

    /// Adds the application's positions.
    /// - Returns: complaints about positions that went back.
    mutating func note(_ offsets: [TopicPartition: GroupOffset], now: Timestamp) -> [String] {
        let before = committed.last?.positions ?? [:]
        var (positions, complaints) = (before, [String]())
        for (name, offset) in offsets.sorted(on: \.key) {
            let time = CommitMetadata(decoding: offset.metadata)?.partitionTime ?? .none
            if let before = before[name], offset.offset < before.offset || time < before.time {
                complaints.append(
                    "\(name): committed \(offset.offset) at \(time) after \(before.offset) at \(before.time)")
            }
            positions[name] = (offset.offset, time)
        }
        for name in before.keys.sorted() where offsets[name] == nil {
            complaints.append("\(name): the commit of \(before[name]?.offset ?? .zero) is lost")
        }
        if syncs == nil { committed = [] }
        committed.append((now, positions))
        return complaints
    }

    /// Called when the power fails or a sync fails.
    /// - Returns: the time up to which acknowledged data is retained; nil if all of it is.
    mutating func lose() -> Timestamp? {
        if durability == .sync { return nil }
        wereUsed = true
        committed.removeAll { $0.time > keptUpTo }
        return keptUpTo
    }
}
