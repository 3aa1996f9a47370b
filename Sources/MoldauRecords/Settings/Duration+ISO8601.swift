// Durations as ISO 8601 and Java write them: `PT1H30M`, `P7D`, `PT0.5S`.

extension Duration {
    /// Parses `PnDTnHnMn.nS`, in upper or lower case: at least one part, none negative; nil for other text.
    package init?(iso8601 text: String) {
        let form =
            /P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:[.,]([0-9]{1,9}))?S)?)?/
        guard let found = text.wholeMatch(of: form.ignoresCase()), !["P", "T"].contains(text.last?.uppercased())
        else { return nil }
        func number(_ digits: Substring?) -> Int64 { digits.flatMap { Int64($0) } ?? 0 }
        let seconds = number(found.1) * 86_400 + number(found.2) * 3_600 + number(found.3) * 60 + number(found.4)
        let parts = found.5.map { $0 + String(repeating: "0", count: 9 - $0.count) }
        self = .seconds(seconds) + .nanoseconds(number(parts))
    }

    /// As hours, minutes and seconds, to the nanosecond: `PT24H`, `PT1M0.5S`. A negative duration counts as 0.
    package var iso8601: String {
        let (total, attoseconds) = max(self, .zero).components
        let nanoseconds = String(attoseconds / 1_000_000_000)
        var parts = String(repeating: "0", count: 9 - nanoseconds.count) + nanoseconds
        while parts.last == "0" { parts.removeLast() }
        let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60)
        var text = (hours == 0 ? "" : "\(hours)H") + (minutes == 0 ? "" : "\(minutes)M")
        if !parts.isEmpty {
            text += "\(seconds).\(parts)S"
        } else if seconds > 0 || text.isEmpty {
            text += "\(seconds)S"
        }
        return "PT" + text
    }
}
