/// How long things took: counts by time, exact to a 64th of it.
///
/// The first 128 buckets are a microsecond each; of the following ones 64 share each doubling.
struct LatencyHistogram {
    private var counts = [Int](repeating: 0, count: 128 + 64 * 40)
    private(set) var count = 0
    private(set) var longest = 0.0
    private var sum = 0.0

    /// - Parameters:
    ///   - seconds: negative counts as 0.
    ///   - times: how many things took that long.
    mutating func add(_ seconds: Double, times: Int = 1) {
        let seconds = max(seconds, 0)
        counts[min(Self.bucket(Int(min(seconds * 1e6, 1e15))), counts.count - 1)] += times
        count += times
        sum += seconds * Double(times)
        longest = max(longest, seconds)
    }

    /// The mean, in milliseconds; 0 of nothing.
    var meanMs: Double { count == 0 ? 0 : sum / Double(count) * 1_000 }

    /// The time within which that share of all was done, in milliseconds; 0 of nothing.
    func percentileMs(_ share: Double) -> Double {
        let wanted = max(Int((Double(count) * share).rounded(.up)), 1)
        var seen = 0
        for (bucket, number) in counts.enumerated() {
            seen += number
            if seen >= wanted { return min(Double(Self.start(ofBucket: bucket)) / 1_000, longest * 1_000) }
        }
        return 0
    }

    private static func bucket(_ micros: Int) -> Int {
        guard micros >= 128 else { return micros }
        // The seven highest bits: the first is always set.
        let shift = Int.bitWidth - micros.leadingZeroBitCount - 7
        return 128 + (shift - 1) * 64 + (micros >> shift) - 64
    }

    private static func start(ofBucket bucket: Int) -> Int {
        guard bucket >= 128 else { return bucket }
        let (shift, rest) = ((bucket - 128) / 64 + 1, (bucket - 128) % 64)
        return (rest + 64) << shift
    }
}
