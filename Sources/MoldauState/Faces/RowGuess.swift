// Earlier versions did not record a store's form. Its rows show some of it: rows of windows and sessions are in the
// bucket of their time, so there is a bucket width that fits all of them; rows of versioned stores begin with the
// length of their key.

import MoldauRecords

/// Infers from a store's rows which kinds of rows they may be.
struct RowGuess {
    private var windows = Widths(trailerBytes: Windowed<Void>.windowTrailerBytes)
    private var sessions = Widths(trailerBytes: Windowed<Void>.sessionTrailerBytes)
    private var areVersions = true
    private var count = 0

    /// Whether more rows could give more information.
    var isOpen: Bool { windows.isPossible || sessions.isPossible || areVersions }

    mutating func look(at key: [UInt8], _ value: [UInt8]) {
        count += 1
        windows.look(at: key)
        sessions.look(at: key)
        if areVersions { areVersions = Self.isVersion(key, value) }
    }

    /// A description of the rows if they cannot be of that shape.
    func mismatch(with shape: StoreForm.Shape) -> String? {
        if count == 0 { return nil }
        let found: [(isPossible: Bool, name: String, trailer: Int?)] = [
            (windows.isPossible, "a store of windows", Windowed<Void>.windowTrailerBytes),
            (sessions.isPossible, "a store of sessions", Windowed<Void>.sessionTrailerBytes),
            (areVersions, "a versioned store", nil),
        ]
        let isVersioned = shape == .versioned
        let fits = found.contains { guess in
            guess.isPossible && (isVersioned ? guess.trailer == nil : guess.trailer == shape.windowTrailer)
        }
        let isPlain = !isVersioned && shape.windowTrailer == nil
        if isPlain ? !isOpen : fits { return nil }
        return found.first { $0.isPossible }?.name ?? "a store of another kind"
    }

    private static func isVersion(_ key: [UInt8], _ value: [UInt8]) -> Bool {
        guard key.count >= 4 else { return false }
        let length = key.withUnsafeBytes { Int($0.bigEndian(at: 0) as UInt32) }
        if key.count == 4 + length { return value.count > timestampBytes && value[timestampBytes] <= 1 }
        return key.count == 4 + length + timestampBytes && value.first ?? 2 <= 1
    }

    /// The bucket widths that fit all rows seen so far.
    private struct Widths {
        let trailerBytes: Int
        /// No store has wider buckets, except for windows without end, whose rows are all in bucket 0.
        private static let widest: Int64 = 100 * 365 * 86_400_000
        private var narrowest: Int64 = 1
        private var widest = Int64.max
        private(set) var isPossible = true

        init(trailerBytes: Int) { self.trailerBytes = trailerBytes }

        mutating func look(at key: [UInt8]) {
            guard isPossible else { return }
            isPossible = fits(key)
        }

        private mutating func fits(_ key: [UInt8]) -> Bool {
            guard key.count >= 8 + trailerBytes else { return false }
            let (bucket, time): (Int64, Int64) = key.withUnsafeBytes {
                ($0.bigEndian(at: 0), $0.bigEndian(at: key.count - trailerBytes))
            }
            guard bucket >= 0, time >= 0 else { return false }
            if bucket == .max { return false }
            narrowest = max(narrowest, time / (bucket + 1) + 1)
            if bucket > 0 { widest = min(widest, time / bucket) }
            return narrowest <= widest && narrowest <= Self.widest
        }
    }
}
