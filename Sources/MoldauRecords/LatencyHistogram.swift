/// A histogram of durations with a bounded relative error and a fixed size.
///
/// The first 2 · 2^`bits` buckets are one microsecond wide; after them, each doubling of the time has 2^`bits` buckets.
package struct LatencyHistogram: Sendable {
    private let bits: Int
    private var counts: [Int]
    package private(set) var count = 0
    /// In seconds.
    package private(set) var longest = 0.0
    /// In seconds.
    package private(set) var sum = 0.0

    /// - Parameter bits: each doubling of the time has 2^`bits` buckets. 6: an error of at most 1/64, 21 KiB; 2: of at
    ///   most 1/4, 1.3 KiB.
    package init(bits: Int = 6) {
        self.bits = bits
        counts = [Int](repeating: 0, count: 42 << bits)
    }

    private var perDoubling: Int { 1 << bits }

    /// - Parameters:
    ///   - seconds: negative counts as 0.
    ///   - times: how many operations took that long.
    package mutating func add(_ seconds: Double, times: Int = 1) {
        let seconds = max(seconds, 0)
        counts[min(bucket(Int(min(seconds * 1e6, 1e15))), counts.count - 1)] += times
        count += times
        sum += seconds * Double(times)
        longest = max(longest, seconds)
    }

    /// Adds the counts of another histogram, which must have the same `bits`.
    package mutating func add(_ other: LatencyHistogram) {
        for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
        count += other.count
        sum += other.sum
        longest = max(longest, other.longest)
    }

    /// The mean, in milliseconds; 0 if nothing was added.
    package var meanMs: Double { count == 0 ? 0 : sum / Double(count) * 1_000 }

    /// The time within which that share (0 to 1) of the operations finished, in milliseconds; 0 if nothing was added.
    package func percentileMs(_ share: Double) -> Double {
        let wanted = max(Int((Double(count) * share).rounded(.up)), 1)
        var seen = 0
        for (bucket, number) in counts.enumerated() {
            seen += number
            if seen >= wanted { return min(Double(start(ofBucket: bucket)) / 1_000, longest * 1_000) }
        }
        return 0
    }

    private func bucket(_ micros: Int) -> Int {
        guard micros >= 2 * perDoubling else { return micros }
        // Keeps the highest `bits` + 1 bits, of which the first is always set.
        let shift = Int.bitWidth - micros.leadingZeroBitCount - bits - 1
        return 2 * perDoubling + (shift - 1) * perDoubling + (micros >> shift) - perDoubling
    }

    private func start(ofBucket bucket: Int) -> Int {
        guard bucket >= 2 * perDoubling else { return bucket }
        let place = bucket - 2 * perDoubling
        return (place % perDoubling + perDoubling) << (place / perDoubling + 1)
    }
}
