import Moldau
import Synchronization

/// Queries a running application for counts at a steady rate, while it counts.
final class LookUps: Sendable {
    /// Two tasks query, each for that many keys at a time, one query after the other.
    private static let askers = 2

    private let perSecond: Int
    private let keysAtATime: Int
    private let words: [String]
    private let totals = Mutex((keys: 0, found: 0, microseconds: [Int](), failure: (any Error)?.none))

    init(perSecond: Int, keysAtATime: Int, words: [String]) {
        (self.perSecond, self.keysAtATime, self.words) = (perSecond, keysAtATime, words)
    }

    /// Queries until the task is cancelled.
    func ask(_ app: StreamsApplication) async {
        do {
            let counts = try app.store(TableStoreName<String, Int64>("word-counts"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for asker in 0..<Self.askers { group.addTask { try await self.ask(counts, asker) } }
                try await group.waitForAll()
            }
        } catch {
            totals.withLock { $0.failure = error }
        }
    }

    private func ask(_ counts: StoreReader<TableStoreName<String, Int64>>, _ asker: Int) async throws {
        var random = SeededGenerator(seed: UInt64(asker))
        let pace = Pace(perSecond: perSecond / Self.askers, total: .max)
        var asked = 0
        while !Task.isCancelled {
            guard pace.due >= asked + keysAtATime else {
                try await Task.sleep(for: pace.wait(for: asked + keysAtATime))
                continue
            }
            let keys = (0..<keysAtATime).map { _ in words.randomElement(using: &random)! }
            let begin = ContinuousClock.now
            let found = try await counts.get(keys).value.count { $0 != nil }
            let time = Int((ContinuousClock.now - begin) / .microseconds(1))
            asked += keysAtATime
            totals.withLock { totals in
                totals.keys += keysAtATime
                totals.found += found
                totals.microseconds.append(time)
            }
        }
    }

    /// The queries within that time, as a part of the line of results.
    /// - Throws: the error that has stopped the tasks.
    func line(over seconds: Double) throws -> String {
        let (keys, found, times, failure) = totals.withLock { $0 }
        if let failure { throw failure }
        let sorted = times.sorted()
        func percentile(_ share: Double) -> Int {
            sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
        }
        return
            "look_ups_per_s \(Int(Double(keys) / seconds)) found \(found) of \(keys) "
            + "p50_us \(percentile(0.5)) p99_us \(percentile(0.99))"
    }
}
