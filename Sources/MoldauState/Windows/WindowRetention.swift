import MoldauRecords

/// How long a windowed store keeps its entries, by stream time: the greatest time that was put into it.
///
/// Time is divided into segments. A segment is kept while its times reach into the retention; then it is deleted as a
/// whole. Writes are accepted into all segments that are kept. If expiry is exact, as in Kafka Streams' in-memory
/// stores, an entry whose own time has expired is refused.
struct WindowRetention {
    let periodMs: Int64
    /// Chosen like Kafka Streams: half the retention, at least a minute.
    let segmentMs: Int64
    let isExact: Bool

    init(_ period: Duration, isExact: Bool) {
        periodMs = max(period.milliseconds, 1)
        segmentMs = max(periodMs / 2, 60_000)
        self.isExact = isExact
    }

    /// The oldest time within the retention.
    func first(at streamTime: Int64) -> Int64 { max(0, streamTime.subtractingCapped(periodMs).addingCapped(1)) }

    /// The start of the oldest segment that is kept.
    func firstKept(at streamTime: Int64) -> Int64 {
        max(0, streamTime.subtractingCapped(periodMs)) / segmentMs * segmentMs
    }

    /// The oldest time that may still be written.
    func firstWritable(at streamTime: Int64) -> Int64 {
        isExact ? first(at: streamTime) : firstKept(at: streamTime)
    }
}
