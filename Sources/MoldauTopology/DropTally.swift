import MoldauRecords

/// What is kept of dropped records, to help find the cause.
public enum DropSamples: String, Sendable, Hashable, CaseIterable {
    /// The place, time, key and value of up to five records per node and reason.
    case whole
    /// The same without keys and values, which may be confidential.
    case masked
    /// Nothing: drops are only counted.
    case off
}

/// The drops of one node for one reason: how many, when, and copies of a few of the records.
package struct DropTally: Sendable {
    /// How many records are kept, and how many bytes of each key and value.
    package static let sampleLimit = 5
    package static let sampleBytes = 1_024
    /// If all places are taken, how often a newer record may replace the oldest.
    private static var renewal: Duration { .seconds(1) }

    package private(set) var count: Int64 = 0
    /// When the first and the last record were dropped, by the wall clock.
    package private(set) var first = Timestamp.none
    package private(set) var last = Timestamp.none
    /// In the order of the drops.
    package private(set) var samples: [OriginalRecord] = []
    private var lastSample = Timestamp.none

    package init() {}

    /// Counts drops.
    /// - Parameter record: copies one of the records; called only if the copy is kept.
    package mutating func add(
        _ number: Int64 = 1, at now: Timestamp, _ kept: DropSamples, record: () -> OriginalRecord?
    ) {
        if count == 0 { first = now }
        (count, last) = (count + number, now)
        guard kept != .off, samples.count < Self.sampleLimit || now >= lastSample + Self.renewal,
            var sample = record()
        else { return }
        if samples.count == Self.sampleLimit { samples.removeFirst() }
        lastSample = now
        sample.headers = Headers()
        sample.key = kept == .masked ? nil : sample.key.map { Array($0.prefix(Self.sampleBytes)) }
        sample.value = kept == .masked ? nil : sample.value.map { Array($0.prefix(Self.sampleBytes)) }
        samples.append(sample)
    }

    /// Adds the drops of another task at the same node, for the same reason.
    package mutating func add(_ other: DropTally) {
        first = count == 0 ? other.first : min(first, other.first)
        (count, last) = (count + other.count, max(last, other.last))
        samples = Array((samples + other.samples).suffix(Self.sampleLimit))
    }
}
