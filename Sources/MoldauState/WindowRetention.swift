import MoldauRecords

/// How long a windowed store keeps its entries, by stream time: the greatest time that was put into it.
///
/// On disk, time is cut into segments. A segment takes writes, and is kept, while its time reaches into the retention;
/// then it is dropped whole. In memory every entry expires by itself. Reads find nothing older than the retention in
/// both.
struct WindowRetention {
    let periodMs: Int64
    /// 1 where every entry expires by itself.
    let segmentMs: Int64

    /// As Kafka Streams chooses segments: half the retention, at least a minute.
    init(_ period: Duration, kind: StoreKind) {
        periodMs = max(period.milliseconds, 1)
        segmentMs = kind == .inMemory ? 1 : max(periodMs / 2, 60_000)
    }

    /// The oldest time that reads still find.
    func firstReadable(at streamTime: Int64) -> Int64 { max(0, streamTime - periodMs + 1) }

    /// The oldest time that is still written.
    func firstWritable(at streamTime: Int64) -> Int64 {
        if segmentMs == 1 { return firstReadable(at: streamTime) }
        return max(0, streamTime - periodMs) / segmentMs * segmentMs
    }
}
