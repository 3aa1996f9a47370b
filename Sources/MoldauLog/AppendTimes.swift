package import MoldauRecords

/// When a segment was first and last appended to, by the clock of the appending process.
///
/// Retention uses these times and not the records' timestamps, which may lie in any year. They are unknown (nil) after
/// a crash, and for segments that another program wrote; such a segment's age counts from when retention first looks at
/// it.
package struct AppendTimes: Equatable, Sendable {
    package var first: Timestamp?
    package var last: Timestamp?

    /// Represents an unknown time in a file.
    private static let unknown = Int64.min

    package init(first: Timestamp? = nil, last: Timestamp? = nil) { (self.first, self.last) = (first, last) }

    mutating func note(_ now: Timestamp) {
        if first == nil { first = now }
        last = now
    }

    /// The times of the one segment that replaces several, given in their order.
    init(of segments: [AppendTimes]) {
        first = segments.first?.first
        let known = segments.compactMap(\.last)
        last = known.count == segments.count ? known.max() : nil
    }

    /// The two times as a file stores them.
    var numbers: [Int64] { [first?.ms ?? Self.unknown, last?.ms ?? Self.unknown] }

    init(numbers first: Int64, _ last: Int64) {
        self.first = first == Self.unknown ? nil : Timestamp(ms: first)
        self.last = last == Self.unknown ? nil : Timestamp(ms: last)
    }
}
