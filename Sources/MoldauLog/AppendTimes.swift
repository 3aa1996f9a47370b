package import MoldauRecords

/// When a segment was written to, by the clock of whoever wrote: retention goes by this, and not by the times of events, which may
/// lie in any year. Unknown where a crash or another program has left the segment; then it counts from when retention first
/// looks at it.
package struct AppendTimes: Equatable, Sendable {
    package var first: Timestamp?
    package var last: Timestamp?

    /// What stands for an unknown time in a file.
    private static let unknown = Int64.min

    package init(first: Timestamp? = nil, last: Timestamp? = nil) { (self.first, self.last) = (first, last) }

    mutating func note(_ now: Timestamp) {
        if first == nil { first = now }
        last = now
    }

    /// Of several segments that become one, in their order.
    init(of segments: [AppendTimes]) {
        first = segments.first?.first
        let known = segments.compactMap(\.last)
        last = known.count == segments.count ? known.max() : nil
    }

    /// For a file.
    var numbers: [Int64] { [first?.ms ?? Self.unknown, last?.ms ?? Self.unknown] }

    init(numbers first: Int64, _ last: Int64) {
        self.first = first == Self.unknown ? nil : Timestamp(ms: first)
        self.last = last == Self.unknown ? nil : Timestamp(ms: last)
    }
}
