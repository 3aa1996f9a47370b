import MoldauRecords
import MoldauTopology

/// The records that a stream thread has sent to a topic. Counted once per batch.
struct SentRecords: Sendable {
    private(set) var records: Int64 = 0
    private(set) var bytes: Int64 = 0
    /// The range of the ages of records when they were sent, in milliseconds.
    private var ages = RecentValues<ClosedRange<Int64>?>(nil)

    /// - Parameters:
    ///   - first: the time of the batch's first record.
    ///   - latest: the greatest time of its records.
    ///   - now: the time of the round in which it was sent.
    mutating func add(records: Int, bytes: Int, first: Timestamp, latest: Timestamp, now: RoundTime) {
        self.records += Int64(records)
        self.bytes += Int64(bytes)
        // Records with future timestamps count as new.
        let least = max(0, now.wall.ms.subtractingCapped(latest.ms))
        let greatest = max(least, now.wall.ms.subtractingCapped(first.ms))
        ages.update(at: now.uptime) { $0 = Self.joined($0, least...greatest) }
    }

    /// The range of recent ages, in seconds; nil if nothing was sent.
    func ages(at now: Duration) -> ClosedRange<Double>? {
        let windows = ages.recent(at: now)?.values.compactMap(\.self) ?? []
        guard let all = windows.dropFirst().reduce(windows.first, Self.joined) else { return nil }
        return Double(all.lowerBound) / 1_000...Double(all.upperBound) / 1_000
    }

    private static func joined(_ one: ClosedRange<Int64>?, _ other: ClosedRange<Int64>) -> ClosedRange<Int64> {
        guard let one else { return other }
        return min(one.lowerBound, other.lowerBound)...max(one.upperBound, other.upperBound)
    }
}
