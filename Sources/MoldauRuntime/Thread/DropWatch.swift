import MoldauTopology

/// Warns about nodes that drop many records: soon the first time, then from time to time.
///
/// "Many" means at least ten records, and a tenth of those processed meanwhile (nine tenths if dropping is what the
/// operator is meant to do); or a thousand, unless dropping is what the operator is meant to do.
package struct DropWatch {
    private static var lookInterval: Duration { .seconds(1) }
    private static var quietInterval: Duration { .seconds(60) }

    /// The counts at the last warning, or at the first check.
    private struct Told {
        var drops: Int64 = 0
        var processed: Int64 = 0
        var time: Duration?
    }

    private var told: [DropKey: Told] = [:]
    private var nextLook = Duration.zero

    package init() {}

    /// The sentences to log now.
    /// - Parameters:
    ///   - now: how long the thread has been up.
    ///   - isLast: whether this is the last check.
    package mutating func look(
        at report: @autoclosure () -> StreamThreadReport, now: Duration, isLast: Bool = false
    ) -> [String] {
        guard isLast || now >= nextLook else { return [] }
        nextLook = now + Self.lookInterval
        let report = report()
        return report.drops.sorted { ($0.key.node, $0.key.reason.rawValue) < ($1.key.node, $1.key.reason.rawValue) }
            .compactMap { key, drops in
                let last = told[key, default: Told()]
                if !isLast, let time = last.time, now < time + Self.quietInterval { return nil }
                let (new, processed) = (drops - last.drops, report.processed - last.processed)
                guard Self.isMany(new, of: processed, key.reason) else { return nil }
                told[key] = Told(drops: drops, processed: report.processed, time: now)
                let share = processed >= new ? "; the thread processed \(processed) records meanwhile" : ""
                return "'\(key.node)' dropped \(new) records, because \(key.reason.explanation) (\(key.reason))\(share)"
            }
    }

    private static func isMany(_ drops: Int64, of processed: Int64, _ reason: DropReason) -> Bool {
        if drops >= 1_000 && !reason.isOrdinary { return true }
        let (part, whole): (Int64, Int64) = reason.isOrdinary ? (9, 10) : (1, 10)
        return drops >= 10 && drops * whole >= processed * part
    }
}
