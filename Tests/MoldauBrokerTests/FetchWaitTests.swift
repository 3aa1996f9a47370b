import Foundation
import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

private typealias Outcome = FetchWait<FailingFileSystem>.Outcome

extension Broker<FailingFileSystem> {
    fileprivate func wait(
        _ isolation: Isolation = .uncommitted, from offset: Int64 = 0, minBytes: Int = 1,
        for wait: Duration = .seconds(5),
        telling told: Told<Outcome>
    ) throws -> FetchWait<FailingFileSystem> {
        awaitRecords(
            [.init(try partition(left), from: Offset(offset), isolation: isolation)], minBytes: minBytes, for: wait
        ) { told.add($0) }
    }

    fileprivate func fetch(_ isolation: Isolation, from offset: Int64 = 0) throws -> DurableFetch {
        try partition(left).fetch(from: Offset(offset), maxBytes: 1 << 16, isolation: isolation)
    }
}

struct FetchWaitTests {
    @Test func `fetches return durable records only, and a wait ends when there are some`() throws {
        let broker = try openQuietBroker()
        let told = Told<Outcome>()
        _ = try broker.wait(telling: told)
        try broker.append(["a"], to: left)
        broker.callbacks.runDue()
        #expect(told.all.isEmpty)
        #expect(try broker.fetch(.uncommitted).bytes.count == 0)
        #expect(try broker.fetch(.uncommitted).watermarks.highWatermark == .zero)
        // A reader in the same process may read records that are not durable yet.
        #expect(try broker.values(of: left) == ["a"])
        try broker.flush()
        #expect(told.all.isEmpty)
        broker.callbacks.runDue()
        #expect(told.all == [.ready])
        let fetched = try broker.fetch(.uncommitted)
        #expect(fetched.watermarks.highWatermark == Offset(1))
        #expect(fetched.watermarks.lastStableOffset == Offset(1))
        #expect(fetched.bytes.count > 0)
        try broker.close()
    }

    @Test func `with a durability that promises no sync, the append itself ends the wait`() throws {
        let broker = try openQuietBroker(durability: .os)
        let told = Told<Outcome>()
        _ = try broker.wait(telling: told)
        try broker.append(["a"], to: left)
        broker.callbacks.runDue()
        #expect(told.all == [.ready])
        // Existing records end a wait at once.
        _ = try broker.wait(telling: told)
        #expect(told.all == [.ready, .ready])
    }

    @Test(arguments: [true, false])
    func `the end of a transaction ends a read-committed wait`(commit: Bool) throws {
        let broker = try openQuietBroker()
        let told = Told<Outcome>()
        _ = try broker.wait(.committed, telling: told)
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        try broker.flush()
        broker.callbacks.runDue()
        #expect(told.all.isEmpty)
        #expect(try broker.fetch(.committed).watermarks.lastStableOffset == .zero)
        #expect(try broker.fetch(.uncommitted).bytes.count > 0)
        try client.end(commit: commit)
        try broker.flush()
        broker.callbacks.runDue()
        #expect(told.all == [.ready])
        let fetched = try broker.fetch(.committed)
        let aborted = AbortedTransaction(producer: client.producer.id, first: .zero)
        #expect(fetched.aborted == (commit ? [] : [aborted]))
        #expect(fetched.watermarks.lastStableOffset == Offset(2))
        try broker.close()
    }

    @Test func `a wait ends at its deadline, and not before`() throws {
        let now = Mutex(Duration.zero)
        let broker = try openQuietBroker(uptime: { now.withLock { $0 } })
        let (first, second, none) = (Told<Outcome>(), Told<Outcome>(), Told<Outcome>())
        _ = try broker.wait(for: .milliseconds(500), telling: second)
        _ = try broker.wait(for: .milliseconds(200), telling: first)
        _ = try broker.wait(for: .zero, telling: none)
        #expect(none.all == [.expired])
        for (time, firstCount, secondCount) in [(199, 0, 0), (200, 1, 0), (499, 1, 0), (500, 1, 1)] as [(Int, Int, Int)]
        {
            now.withLock { $0 = .milliseconds(time) }
            broker.callbacks.runDue()
            #expect(first.all == [Outcome](repeating: .expired, count: firstCount))
            #expect(second.all == [Outcome](repeating: .expired, count: secondCount))
        }
        try broker.close()
    }

    @Test func `a wait lasts until the minimum of bytes is available`() throws {
        let broker = try openQuietBroker(durability: .os)
        let told = Told<Outcome>()
        _ = try broker.wait(minBytes: 3 * batch(["a"]).count, telling: told)
        for _ in 0..<2 {
            try broker.append(["a"], to: left)
            broker.callbacks.runDue()
            #expect(told.all.isEmpty)
        }
        try broker.append(["a"], to: left)
        broker.callbacks.runDue()
        #expect(told.all == [.ready])
    }

    @Test func `deletion, closing and cancelling each end a wait, exactly once`() throws {
        let broker = try openQuietBroker()
        let (deleted, cancelled, closed) = (Told<Outcome>(), Told<Outcome>(), Told<Outcome>())
        _ = try broker.wait(telling: deleted)
        let wait = try broker.wait(telling: cancelled)
        wait.cancel()
        wait.cancel()
        #expect(cancelled.all == [.cancelled])
        try broker.delete("left")
        broker.callbacks.runDue()
        #expect(deleted.all == [.failed(.unknownTopic("left"))])
        broker.awaitRecords(
            [.init(try broker.partition(right), from: .zero, isolation: .committed)], minBytes: 1, for: .seconds(5)
        ) { closed.add($0) }
        try broker.close()
        broker.callbacks.runDue()
        #expect(closed.all == [.failed(.closed)])
        #expect(deleted.all.count == 1)
        #expect(cancelled.all.count == 1)
    }

    @Test func `an offset out of range fails the wait at once`() throws {
        let broker = try openQuietBroker()
        let told = Told<Outcome>()
        _ = try broker.wait(from: 5, telling: told)
        let refusal = LogError.offsetOutOfRange(requested: Offset(5), held: Offset.zero..<Offset.zero)
        #expect(told.all == [.failed(.log(left, refusal))])
        try broker.close()
    }

    @Test func `a read-committed fetch returns the bytes on disk, with valid checksums`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        for number in 0..<6 {
            var client = try TransactionalClient(broker)
            try client.send("\(number)", to: left)
            try client.end(commit: number % 2 == 0)
        }
        try broker.flush()
        let fetched = try broker.fetch(.committed)
        let file = try files.memory.open("data/left-0/00000000000000000000.log")
        #expect(try fetched.bytes.bytes.elementsEqual(file.read(try file.size(), at: 0)))
        #expect(fetched.aborted.map(\.first.value) == [2, 6, 10])
        var rest = fetched.bytes.bytes
        while rest.count > 0 {
            let header = try RecordBatchHeader(rest)
            try header.validateChecksum(rest)
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
        }
        #expect(try broker.committed(left) == ["0", "2", "4"])
        try broker.close()
    }

    /// The callback begins the next transaction of the producer whose commit woke it, which it could not if that
    /// producer's lock were held.
    @Test func `a callback may use the broker`() throws {
        let broker = try openBroker(FailingFileSystem())
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        let producer = client.producer
        let begun = Monitor<Bool?>(nil)
        broker.awaitRecords(
            [.init(try broker.partition(left), from: .zero, isolation: .committed)], minBytes: 1, for: .seconds(60)
        ) { outcome in
            let isBegun = outcome == .ready && (try? broker.enlist([right], "app-1", producer)) != nil
            begun.withLock(wakes: true) { $0 = isBegun }
        }
        try client.end(commit: true)
        try broker.flush()
        #expect(begun.wait(timeout: .seconds(60)) { $0 } == true)
        try broker.close()
    }

    @Test(arguments: [Durability.sync, .os])
    func `a waiting reader misses no record while another thread writes`(durability: Durability) throws {
        let broker = try openBroker(FailingFileSystem(), durability: durability)
        try broker.createTopics()
        let count: Int64 = 4_000
        let writer = Thread {
            for _ in 0..<count { try? broker.append(["x"], to: left) { _ in } }
        }
        writer.start()
        var position = Offset.zero
        while position.value < count {
            let fetched = try broker.fetch(.committed, from: position.value)
            if let next = fetched.next, fetched.bytes.count > 0 {
                position = next.offset
                continue
            }
            // Long enough that a lost wake-up shows as an expired wait.
            let outcome = Monitor<Outcome?>(nil)
            broker.awaitRecords(
                [.init(try broker.partition(left), from: position, isolation: .committed)], minBytes: 1,
                for: .seconds(20)
            ) { told in outcome.withLock(wakes: true) { $0 = told } }
            try #require(outcome.wait(timeout: .seconds(40)) { $0 } == .ready)
        }
        try broker.close()
    }
}
