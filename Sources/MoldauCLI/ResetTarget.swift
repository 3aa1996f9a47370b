import ArgumentParser
import Foundation
import MoldauClusterEmbedded
import MoldauRecords

/// The options that say where a group is to resume.
struct ResetTarget: ParsableArguments {
    @Flag(help: "The first offset that is held.")
    var toEarliest = false

    @Flag(help: "The end.")
    var toLatest = false

    @Flag(help: "Where the group is now; the end where it has committed nothing.")
    var toCurrent = false

    @Option(help: "This offset.")
    var toOffset: Int64?

    @Option(parsing: .unconditional, help: "This many offsets forward; back if it is negative.")
    var shiftBy: Int64?

    @Option(help: "The first record of this time or later: 2026-01-31T12:00:00.000, in UTC unless a zone follows.")
    var toDatetime: String?

    @Option(help: "The first record that is no older than this: PT1H30M, P7D.")
    var byDuration: String?

    func validate() throws { _ = try read() }

    /// - Throws: `ValidationError` unless exactly one valid target is given.
    func read() throws -> OffsetReset {
        var ways: [OffsetReset] = []
        if toEarliest { ways.append(.earliest) }
        if toLatest { ways.append(.latest) }
        if toCurrent { ways.append(.current) }
        if let toOffset { ways.append(.offset(Offset(toOffset))) }
        if let shiftBy { ways.append(.shift(shiftBy)) }
        if let toDatetime {
            guard let time = Self.time(toDatetime) else {
                throw ValidationError("--to-datetime takes 2026-01-31T12:00:00.000, not '\(toDatetime)'")
            }
            ways.append(.time(time))
        }
        if let byDuration {
            guard let age = Duration(iso8601: byDuration) else {
                throw ValidationError("--by-duration takes PnDTnHnMn.nS, such as PT1H30M, not '\(byDuration)'")
            }
            ways.append(.time(EmbeddedCluster.systemClock() - age))
        }
        guard ways.count == 1 else {
            throw ValidationError(
                "give one of --to-earliest, --to-latest, --to-current, --to-offset, --shift-by, --to-datetime and "
                    + "--by-duration")
        }
        return ways[0]
    }

    /// Parses an ISO 8601 time, with or without fractional seconds and a zone.
    static func time(_ text: String) -> Timestamp? {
        let forms = ["", ".SSS"].flatMap { parts in ["", "XXXXX"].map { "yyyy-MM-dd'T'HH:mm:ss\(parts)\($0)" } }
        for form in forms {
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(secondsFromGMT: 0)
            formatter.dateFormat = form
            if let date = formatter.date(from: text) {
                return Timestamp(ms: Int64((date.timeIntervalSince1970 * 1_000).rounded()))
            }
        }
        return nil
    }
}
