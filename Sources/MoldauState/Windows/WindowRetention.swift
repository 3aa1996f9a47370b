import MoldauRecords

/// How long a windowed store keeps its entries, by stream time: the greatest time that was put into it.
///
/// Time is cut into segments. A segment is kept while its time reaches into the retention; then it is dropped whole.
/// Writes are taken into all segments that are kept; where expiry is exact, as in Kafka Streams' stores in memory, an
/// entry whose own time is over is refused.
struct WindowRetention {
    let periodMs: Int64
    /// As Kafka Streams chooses it: half the retention, at least a minute.
    let segmentMs: Int64
    let isExact: Bool

    init(_ period: Duration, isExact: Bool) {
        periodMs = max(period.milliseconds, 1)
        segmentMs = max(periodMs / 2, 60_000)
        self.isExact = isExact
    }

    /// The oldest time within the retention.
    func first(at streamTime: Int64) -> Int64 { max(0, streamTime.subtractingCapped(periodMs).addingCapped(1)) }

    /// The beginning of the oldest segment that is kept.
    func firstKept(at streamTime: Int64) -> Int64 {
        max(0, streamTime.subtractingCapped(periodMs)) / segmentMs * segmentMs
    }

    /// The oldest time that is still written.
    func firstWritable(at streamTime: Int64) -> Int64 {
        isExact ? first(at: streamTime) : firstKept(at: streamTime)
    }
}
