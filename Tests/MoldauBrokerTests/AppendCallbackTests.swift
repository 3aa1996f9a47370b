import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

/// The results passed to completions, in order.
final class Told<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    var all: [Value] { values.withLock { $0 } }
    func add(_ value: Value) { values.withLock { $0.append(value) } }
}

typealias AppendResult = Result<PartitionLog<FailingFileSystem>.Appended, BrokerError>

/// A broker whose callbacks run only when the test runs them.
func openQuietBroker(
    _ files: FailingFileSystem = FailingFileSystem(), durability: Durability = .sync,
    uptime: @escaping @Sendable () -> Duration = { .zero }
) throws -> Broker<FailingFileSystem> {
    let broker = try Broker(
        files, directory: "data", durability: durability, clock: noon, uptime: uptime, callbacks: .byHand)
    try broker.createTopics()
    return broker
}

extension Broker {
    func append(
        _ values: [String], to name: TopicPartition, acknowledged: Acknowledgement = .whenDurable,
        then completion: @escaping @Sendable (Result<PartitionLog<Files>.Appended, BrokerError>) -> Void
    ) throws {
        let partition = try partition(name)
        batch(values).withUnsafeBytes { partition.append($0, acknowledged: acknowledged, then: completion) }
    }
}

extension AppendResult {
    fileprivate var first: Int64? { (try? get())?.first.value }

    fileprivate var isOffline: Bool {
        guard case .failure(.log(_, .offline)) = self else { return false }
        return true
    }
}

struct AppendCallbackTests {
    @Test func `one sync round acknowledges all appends before it, and none is acknowledged earlier`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let told = Told<AppendResult>()
        let before = files.syncs.withLock { $0.count }
        for _ in 0..<50 {
            for name in [left, right] { try broker.append(["a", "b"], to: name) { told.add($0) } }
        }
        #expect(told.all.isEmpty)
        broker.callbacks.runDue()
        let expected: [Int64?] = (0..<100).map { Int64($0 / 2 * 2) }
        #expect(told.all.map(\.first) == expected)
        #expect(files.syncs.withLock { $0.count } == before + 1)
        try broker.close()
    }

    @Test func `an append during a sync round waits for the next round`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let before = files.syncs.withLock { $0.count }
        let told = Told<(first: Int64?, syncs: Int)>()
        let note: @Sendable (AppendResult) -> Void = { result in
            told.add((result.first, files.syncs.withLock { $0.count } - before))
        }
        files.syncs.withLock { syncs in
            syncs.onSync = {
                files.syncs.withLock { $0.onSync = nil }
                try? broker.append(["late"], to: left, then: note)
            }
        }
        try broker.append(["early"], to: left, then: note)
        broker.callbacks.runDue()
        #expect(told.all.map(\.first) == [0, 1])
        #expect(told.all.map(\.syncs) == [1, 2])
        try broker.close()
    }

    @Test func `a blocking flush also acknowledges waiting appends`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let told = Told<AppendResult>()
        let before = files.syncs.withLock { $0.count }
        try broker.append(["a"], to: left) { told.add($0) }
        try broker.flush()
        broker.callbacks.runDue()
        #expect(told.all.map(\.first) == [0])
        #expect(files.syncs.withLock { $0.count } == before + 1)
        try broker.close()
    }

    @Test func `a failed sync fails all waiting and all later appends`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let told = Told<AppendResult>()
        files.syncs.withLock { $0.fail = true }
        for name in [left, right, left] { try broker.append(["a"], to: name) { told.add($0) } }
        broker.callbacks.runDue()
        #expect(told.all.map(\.isOffline) == [true, true, true])
        files.syncs.withLock { $0.fail = false }
        try broker.append(["b"], to: left) { told.add($0) }
        #expect(told.all.map(\.isOffline) == [true, true, true, true])
    }

    @Test(arguments: [Durability.os, .interval(.seconds(1))])
    func `with a durability that promises no sync, an append is acknowledged at once`(durability: Durability) throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files, durability: durability)
        let told = Told<AppendResult>()
        let before = files.syncs.withLock { $0.count }
        try broker.append(["a"], to: left) { told.add($0) }
        #expect(told.all.map(\.first) == [0])
        #expect(files.syncs.withLock { $0.count } == before)
    }

    @Test func `an append acknowledged when written does not wait for durability`() throws {
        let broker = try openQuietBroker()
        let told = Told<AppendResult>()
        try broker.append(["a"], to: left, acknowledged: .whenWritten) { told.add($0) }
        #expect(told.all.map(\.first) == [0])
        #expect(try broker.partition(left).fetch(from: .zero, maxBytes: 100, isolation: .uncommitted).bytes.count == 0)
        try broker.close()
    }

    @Test func `a refused append fails at once`() throws {
        let broker = try openQuietBroker()
        let told = Told<AppendResult>()
        try broker.partition(left).append(
            UnsafeRawBufferPointer(start: nil, count: 0), acknowledged: .whenDurable
        ) { told.add($0) }
        guard case .failure(.log(left, .invalidBatch)) = try #require(told.all.first) else {
            Issue.record("\(told.all)")
            return
        }
        try broker.close()
    }

    @Test func `pending appends fail when their topic is deleted`() throws {
        let broker = try openQuietBroker()
        let told = Told<AppendResult>()
        try broker.append(["a"], to: left) { told.add($0) }
        try broker.delete("left")
        broker.callbacks.runDue()
        #expect(told.all == [.failure(.unknownTopic("left"))])
        try broker.close()
    }

    @Test func `closing the broker acknowledges pending appends`() throws {
        let broker = try openQuietBroker()
        let told = Told<AppendResult>()
        try broker.append(["a"], to: left) { told.add($0) }
        try broker.close()
        broker.callbacks.runDue()
        #expect(told.all.map(\.first) == [0])
    }

    @Test func `dropping the broker without closing it fails pending appends`() throws {
        let told = Told<AppendResult>()
        var broker: Broker<FailingFileSystem>? = try openQuietBroker()
        try broker?.append(["a"], to: left) { told.add($0) }
        let callbacks = try #require(broker?.callbacks)
        broker = nil
        callbacks.runDue()
        #expect(told.all.map(\.isOffline) == [true])
    }

    /// Each completion appends the next record: if a lock were held, there would be no second one.
    @Test func `the broker's thread runs completions, which may use the broker`() throws {
        let files = FailingFileSystem()
        let broker = try openBroker(files)
        try broker.createTopics()
        #expect(!broker.callbacks.hasThread)
        let last = Monitor<Int64?>(nil)
        let chain = Chain(broker, length: 100) { offset in last.withLock(wakes: true) { $0 = offset } }
        chain.append()
        #expect(last.wait(timeout: .seconds(60)) { $0 } == 99)
        try broker.close()
    }
}

private final class Chain: Sendable {
    private let broker: Broker<FailingFileSystem>
    private let length: Int64
    private let end: @Sendable (Int64?) -> Void

    init(_ broker: Broker<FailingFileSystem>, length: Int64, end: @escaping @Sendable (Int64?) -> Void) {
        (self.broker, self.length, self.end) = (broker, length, end)
    }

    func append() {
        do {
            try broker.append(["x"], to: left) { [self] result in
                guard let first = result.first, first + 1 < length else { return end(result.first ?? -1) }
                append()
            }
        } catch {
            end(-2)
        }
    }
}
