import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

private final class Clock: Sendable {
    let ms = Atomic<Int64>(0)
    var now: Timestamp { Timestamp(ms: ms.load(ordering: .relaxed)) }
}

struct TransactionTests {
    @Test func `records and offsets become visible with the commit, not before`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.transact("a", offset: 1)
        #expect(try broker.committed(left).isEmpty && broker.position == nil)
        #expect(try broker.values(of: left) == ["a"])
        try client.end(commit: true)
        #expect(try broker.committed(left) == ["a"] && broker.committed(right) == ["a"])
        #expect(broker.position == 1)
        try client.transact("b", offset: 2)
        try client.end(commit: false)
        #expect(try broker.committed(left) == ["a"])
        #expect(broker.position == 1)
        try client.transact("c", offset: 3)
        try client.end(commit: true)
        #expect(try broker.committed(right) == ["a", "c"])
        #expect(broker.position == 3)
    }

    @Test func `a newer producer of the id aborts the open transaction, and the older producer is fenced`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        var old = try TransactionalClient(broker)
        try old.transact("old", offset: 1)
        var new = try TransactionalClient(broker)
        #expect(new.producer.id == old.producer.id && new.producer.epoch > old.producer.epoch)
        #expect(throws: BrokerError.producerFenced(id: "app-1")) { try old.end(commit: true) }
        #expect(throws: BrokerError.producerFenced(id: "app-1")) { try old.send("late", to: left) }
        try new.transact("new", offset: 2)
        try new.end(commit: true)
        #expect(try broker.committed(left) == ["new"] && broker.position == 2)
    }

    @Test func `a transaction that is open for longer than its timeout is aborted`() throws {
        let clock = Clock()
        let broker = try Broker(
            MemoryFileSystem(), directory: "data", durability: .sync, clock: { clock.now })
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.transact("slow", offset: 1)
        try broker.append(["plain"], to: left)
        clock.ms.store(10_000, ordering: .relaxed)
        try broker.abortExpired()
        #expect(try broker.committed(left).isEmpty)
        clock.ms.store(10_001, ordering: .relaxed)
        try broker.abortExpired()
        #expect(try broker.committed(left) == ["plain"])
        #expect(throws: BrokerError.producerFenced(id: "app-1")) { try client.end(commit: true) }
    }

    @Test func `a transaction times out by elapsed time, whatever the wall clock says`() throws {
        let (clock, uptime) = (Clock(), Clock())
        let broker = try Broker(
            MemoryFileSystem(), directory: "data", durability: .sync, clock: { clock.now },
            uptime: { .milliseconds(uptime.now.ms) })
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.transact("slow", offset: 1)
        clock.ms.store(3_600_000, ordering: .relaxed)
        try broker.abortExpired()
        try client.end(commit: true)
        #expect(try broker.committed(left) == ["slow"])

        try client.transact("hanging", offset: 2)
        clock.ms.store(0, ordering: .relaxed)
        uptime.ms.store(10_001, ordering: .relaxed)
        try broker.abortExpired()
        #expect(throws: BrokerError.producerFenced(id: "app-1")) { try client.end(commit: true) }
    }

    @Test(arguments: [true, false])
    func `an open transaction survives a restart, and the next producer aborts it`(closes: Bool) throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.transact("a", offset: 1)
        try client.end(commit: true)
        try client.transact("open", offset: 2)
        let id = client.producer.id
        if closes { try broker.close() }
        broker = try openBroker(files)
        #expect(try broker.committed(left) == ["a"] && broker.position == 1)
        client = try TransactionalClient(broker)
        #expect(client.producer.id == id)
        try client.transact("b", offset: 2)
        try client.end(commit: true)
        #expect(try broker.committed(left) == ["a", "b"] && broker.committed(right) == ["a", "b"])
        #expect(broker.position == 2)
    }

    @Test func `wherever the process ends during a commit, the commit is complete or absent`() throws {
        var (committed, aborted) = (0, 0)
        for limit in 0..<200 {
            let files = CrashingFileSystem()
            var wasAcknowledged = false
            do {
                let broker = try openBroker(files)
                try broker.createTopics()
                var client = try TransactionalClient(broker)
                try client.transact("a", offset: 1)
                try client.end(commit: true)
                files.crash(afterWrites: limit)
                try client.transact("b", offset: 2)
                try client.end(commit: true)
                wasAcknowledged = true
            } catch is BrokerError {}
            let broker = try openBroker(files.memory)
            let isThere = try broker.committed(left) == ["a", "b"]
            let expected = isThere ? ["a", "b"] : ["a"]
            #expect(try broker.committed(left) == expected && broker.committed(right) == expected)
            #expect(broker.position == (isThere ? 2 : 1), "after \(limit) writes")
            #expect(isThere || !wasAcknowledged)
            var next = try TransactionalClient(broker)
            try next.transact("c", offset: 3)
            try next.end(commit: true)
            #expect(try broker.committed(left) == expected + ["c"] && broker.committed(right) == expected + ["c"])
            if isThere { committed += 1 } else { aborted += 1 }
            if wasAcknowledged { break }
        }
        #expect(committed > 1 && aborted > 1, "\(committed) committed, \(aborted) aborted")
    }
}
