import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)
private let log = "data/words-0/00000000000000000000.log"

/// What the broker knows of durable records, after crashes and damage.
struct JournalTests {
    /// A broker that has acknowledged five records and crashed; the journal knows that at least four are durable.
    private func crashed() throws -> MemoryFileSystem {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        for value in ["a", "b", "c", "d", "e"] {
            try broker.append([value], to: words)
            try broker.flush()
        }
        return files.copy()
    }

    @Test func `a torn tail is truncated, and missing durable records are reported`() throws {
        let size = batch(["a"]).count
        let files = try crashed()
        try files.open(log).truncate(to: 4 * size + 7)
        #expect(try openBroker(files).values(of: words) == ["a", "b", "c", "d"])

        let damaged = try crashed()
        try damaged.open(log).truncate(to: 3 * size)
        let broker = try openBroker(damaged)
        let loss = BrokerError.log(
            words, .missingRecords(directory: "data/words-0", durableEnd: Offset(4), foundEnd: Offset(3)))
        #expect(throws: loss) { try broker.values(of: words) }
        #expect(throws: loss) { try broker.append(["f"], to: words) }
        // The other partitions keep working, and deleting the topic resolves the error.
        try broker.append(["x"], to: TopicPartition("words", 1))
        #expect(try broker.values(of: TopicPartition("words", 1)) == ["x"])
        try broker.delete("words")
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        try broker.append(["new"], to: words)
        #expect(try openBroker(damaged.copy()).values(of: words) == ["new"])
    }

    /// A broker that was closed and opened again, and crashed.
    private func crashedAfterCleanStop() throws -> MemoryFileSystem {
        let files = MemoryFileSystem()
        let first = try openBroker(files)
        try first.create([TopicMetadata(name: "words", partitionCount: 2)])
        for value in ["a", "b", "c"] { try first.append([value], to: words) }
        try first.close()
        _ = try openBroker(files)
        return files.copy()
    }

    @Test func `after a clean stop, all records are known to be durable`() throws {
        let files = try crashedAfterCleanStop()
        try files.open(log).truncate(to: 2 * batch(["a"]).count)
        let broker = try openBroker(files)
        #expect(throws: BrokerError.self) { try broker.values(of: words) }
    }

    @Test func `a changed header of a durable batch truncates nothing`() throws {
        let whole = try crashedAfterCleanStop()
        let size = batch(["a"]).count
        var noticed = 0
        for position in 0..<(3 * size) where position % size < 61 {
            for bit in [1, 8, 128] as [UInt8] {
                let files = whole.copy()
                let file = try files.open(log)
                try file.write([try file.read(1, at: position)[0] ^ bit], at: position)
                let broker = try openBroker(files)
                do {
                    #expect(try broker.values(of: words) == ["a", "b", "c"], "bit \(bit) of byte \(position)")
                } catch is BrokerError {
                    noticed += 1
                }
                #expect(try file.size() == 3 * size, "bit \(bit) of byte \(position)")
            }
        }
        #expect(noticed > 400)
    }

    @Test func `a missing partition is detected`() throws {
        for closes in [true, false] {
            let files = try crashed()
            if closes { try openBroker(files).close() }
            try files.removeDirectory("data/words-0")
            let broker = try openBroker(files)
            #expect(throws: BrokerError.self) { try broker.values(of: words) }
        }
    }

    @Test func `no changed byte and no truncation of the journal loses records`() throws {
        let files = try crashed()
        let journal = try #require(try files.contents(of: "data/durable.journal"))
        for position in journal.indices {
            for change in ["flip", "cut"] {
                let damaged = files.copy()
                let file = try damaged.open("data/durable.journal")
                if change == "flip" {
                    try file.write([journal[position] ^ 0x04], at: position)
                } else {
                    try file.truncate(to: position)
                }
                #expect(try openBroker(damaged).values(of: words) == ["a", "b", "c", "d", "e"])
            }
        }
    }

    @Test func `the size of the journal is bounded`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        for _ in 0..<12_000 {
            try broker.append(["a"], to: words)
            try broker.flush()
        }
        #expect(try files.open("data/durable.journal").size() <= 257 * 1024)
        try files.open(log).truncate(to: batch(["a"]).count * 11_998)
        #expect(throws: BrokerError.self) { try openBroker(files.copy()).values(of: words) }
    }
}
