import MoldauBroker
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime

/// What a run's durability promises, and what of it a power cut may take.
///
/// With `.sync` nothing that was acknowledged, with `.interval` what was acknowledged within that time, with `.os` all.
struct DurabilityPromises {
    private typealias Positions = [TopicPartition: (offset: Offset, time: Timestamp)]

    private let durability: Durability
    private var syncs: UpkeepSchedule?
    private var lastLook: Timestamp
    /// What was acknowledged up to then is on disk.
    private var keptUpTo = Timestamp.none
    /// How far the application had committed, and when; what is older than needed goes.
    private var committed: [(time: Timestamp, positions: Positions)] = []
    /// Whether something may have been lost that was acknowledged.
    private(set) var wereUsed = false

    /// - Parameter isLate: whether syncs come too rarely.
    init(_ durability: Durability, now: Timestamp, isLate: Bool) {
        self.durability = durability
        lastLook = now
        guard case .interval(let promised) = durability else { return }
        syncs = .syncs(for: .interval(isLate ? promised * 10 : promised))
    }

    /// What the broker has to do now.
    mutating func due(now: Timestamp) -> [UpkeepSchedule.Job] {
        defer { lastLook = now }
        return syncs?.due(after: .milliseconds(now.ms - lastLook.ms)) ?? []
    }

    /// What was due at that time is done.
    mutating func looked(now: Timestamp) {
        guard case .interval(let promised) = durability else { return }
        keptUpTo = Timestamp(ms: now.ms - promised.milliseconds)
        let old = committed.lastIndex { $0.time <= keptUpTo } ?? 0
        committed.removeFirst(old)
    }

    /// Notes the application's positions.
    /// - Returns: which of them went back.
    mutating func note(_ offsets: [TopicPartition: GroupOffset], now: Timestamp) -> [String] {
        let before = committed.last?.positions ?? [:]
        var (positions, complaints) = (before, [String]())
        for (name, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            let time = CommitMetadata(decoding: offset.metadata)?.partitionTime ?? .none
            if let before = before[name], offset.offset < before.offset || time < before.time {
                complaints.append(
                    "\(name): committed \(offset.offset) at \(time) after \(before.offset) at \(before.time)")
            }
            positions[name] = (offset.offset, time)
        }
        for name in before.keys.sorted() where offsets[name] == nil {
            complaints.append("\(name): nobody knows any more that \(before[name]?.offset ?? .zero) was committed")
        }
        if syncs == nil { committed = [] }
        committed.append((now, positions))
        return complaints
    }

    /// The power went, or a sync failed.
    /// - Returns: up to when what was acknowledged is still there; nil: it all is.
    mutating func lose() -> Timestamp? {
        if durability == .sync { return nil }
        wereUsed = true
        committed.removeAll { $0.time > keptUpTo }
        return keptUpTo
    }
}
