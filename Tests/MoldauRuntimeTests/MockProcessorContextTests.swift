import Moldau
import MoldauTesting
import Testing

/// A processor tested on its own.
struct MockProcessorContextTests {
    /// Counts by key, forwards even counts, and forwards all counts every ten seconds.
    private final class Counting: Processor {
        static let counts = KeyValueStoreName<String, Int>("counts")
        static let storeDefinitions = [StoreDefinition(counts)]
        private var context: ProcessorContext<String, Int>?
        private var counts: KeyValueStore<String, Int>?
        private var last: Schedule?

        func start(_ context: ProcessorContext<String, Int>) throws {
            (self.context, counts) = (context, try context.store(Self.counts))
            last = try context.schedule(every: .seconds(10), .wallClock) { time in
                if time.ms >= 20_000 { self.last?.cancel() }
                try context.forward(Record(key: "tick", value: 0, timestamp: time))
                context.commit()
            }
            try context.schedule(every: .seconds(1), .streamTime) { time in
                try context.forward(Record(key: "stream", value: 0, timestamp: time), to: "odd")
            }
        }

        func process(_ record: Record<String, String>) throws {
            guard let counts, let context else { return }
            let count = try counts.update(record.key) { ($0 ?? 0) + 1 }.new ?? 0
            if count.isMultiple(of: 2) {
                try context.forward(record.with(value: count))
            } else {
                try context.forward(record.with(value: count), to: "odd")
            }
        }
    }

    private func started() throws -> (Counting, MockProcessorContext<String, Int>) {
        let mock = try MockProcessorContext<String, Int>(storeDefinitions: Counting.storeDefinitions, children: ["odd"])
        let processor = Counting()
        try processor.start(mock.context)
        return (processor, mock)
    }

    private func record(_ key: String, at ms: Int64 = 0) -> Record<String, String> {
        Record(key: key, value: "", timestamp: Timestamp(ms: ms))
    }

    @Test func `the mock shows records forwarded to all and to one child, and the contents of stores`() throws {
        let (processor, mock) = try started()
        for time in [1, 2, 3] as [Int64] { try processor.process(record("a", at: time)) }
        #expect(mock.forwarded == [Record(key: "a", value: 2, timestamp: Timestamp(ms: 2))])
        #expect(mock.forwarded(to: "odd").map(\.value) == [1, 2, 3])
        #expect(try mock.context.store(Counting.counts).get("a") == 3)
        mock.resetForwarded()
        #expect(mock.forwarded.isEmpty && mock.forwarded(to: "odd").isEmpty)
    }

    @Test func `punctuations are called when they are due, until they are cancelled`() throws {
        let (_, mock) = try started()
        #expect(mock.schedules.map(\.interval) == [.seconds(10), .seconds(1)])
        try mock.advanceWallClock(by: .seconds(9))
        #expect(mock.forwarded.isEmpty && !mock.isCommitRequested)
        try mock.advanceWallClock(by: .seconds(1))
        #expect(mock.forwarded.map(\.timestamp.ms) == [10_000])
        #expect(mock.isCommitRequested)
        for _ in 0..<3 { try mock.advanceWallClock(by: .seconds(10)) }
        #expect(mock.forwarded.map(\.timestamp.ms) == [10_000, 20_000])
        #expect(mock.schedules.map(\.clock) == [.streamTime])
        mock.resetForwarded()
        try mock.advanceStreamTime(to: Timestamp(ms: 5))
        #expect(mock.forwarded(to: "odd").map(\.timestamp.ms) == [5])
    }

    @Test func `a child or a store that the test did not declare is an error`() throws {
        let mock = try MockProcessorContext<String, Int>(children: ["odd"])
        let record = Record(key: "a", value: 1, timestamp: Timestamp(ms: 0))
        #expect(throws: TopologyError.unknownParent(node: "other", parent: "processor")) {
            try mock.context.forward(record, to: "other")
        }
        #expect(throws: TopologyError.storeNotConnected(node: "processor", store: "counts")) {
            try Counting().start(mock.context)
        }
    }
}
