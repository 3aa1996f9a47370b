import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)
private let third = TopicPartition("words", 2)

/// A directory that was changed since it was closed.
struct DataDirectoryTests {
    /// A directory with a topic of four partitions, of which two hold records.
    private func directory(closes: Bool = true) throws -> (MemoryFileSystem, TopicID) {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([
            TopicMetadata(name: "words", partitionCount: 4, configuration: ["retention.ms": "1000"])
        ])
        try broker.append(["a", "b"], to: words)
        try broker.append(["c"], to: third)
        try broker.commit([words: offset(1)], of: "app")
        try broker.flush()
        let id = try #require(broker.topic("words")?.id)
        if closes { try broker.close() }
        return (files, id)
    }

    @Test(arguments: [true, false])
    func `without the topics file, topics are recovered from the directories`(closes: Bool) throws {
        let (files, id) = try directory(closes: closes)
        try files.removeFile("data/topics.json")
        for _ in 0..<2 {
            let broker = try openBroker(files)
            // The settings are lost, so the topic gets settings that delete nothing.
            let expected = TopicMetadata(
                name: "words", partitionCount: 4, configuration: ["retention.ms": "-1"], id: id)
            #expect(broker.topic("words") == expected)
            #expect(try broker.values(of: words) == ["a", "b"])
            #expect(try broker.values(of: third) == ["c"])
            #expect(broker.committedOffsets(of: "app")[words]?.offset == Offset(1))
            #expect(broker.topic("__consumer_offsets")?.partitionCount == 50)
            #expect(broker.topic("__consumer_offsets")?.configuration["cleanup.policy"] == "compact")
        }
    }

    @Test func `a lost directory known to the journal is detected even without the topics file`() throws {
        let (files, _) = try directory()
        try files.removeFile("data/topics.json")
        try files.removeDirectory("data/words-2")
        let broker = try openBroker(files)
        #expect(try broker.values(of: words) == ["a", "b"])
        #expect(throws: BrokerError.self) { try broker.values(of: third) }
    }

    @Test func `a leftover directory is moved aside with its records when its topic is created`() throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        let before = try files.contents(of: "data/topics.json") ?? Array(#"{"topics":[],"version":1}"#.utf8)
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        try broker.append(["old"], to: words)
        try broker.flush()
        // As after a crash between removing the topic from the list and deleting its directories; or as if the file was
        // edited.
        try files.replace("data/topics.json", with: before, in: "data", sync: true)
        broker = try openBroker(files)
        #expect(broker.topics().isEmpty)
        #expect(files.exists("data/words-0/00000000000000000000.log"))
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        #expect(try broker.values(of: words) == [])
        try broker.append(["new"], to: words)
        let strays = try files.names(in: "data").filter { $0.hasPrefix("words-0.") && $0.hasSuffix("-stray") }
        #expect(strays.count == 1)
        let kept = try files.contents(of: "data/\(try #require(strays.first))/00000000000000000000.log")
        #expect(kept?.count == batch(["old"]).count)
        broker = try openBroker(files)
        #expect(try broker.values(of: words) == ["new"])
    }

    @Test func `a deletion interrupted after the rename is completed at the next start`() throws {
        let (files, _) = try directory()
        let name = "words-0.0123456789abcdef0123456789ABCDEF-delete"
        try files.createDirectory("data/\(name)")
        try files.open("data/\(name)/00000000000000000000.log").write(batch(["old"]), at: 0)
        _ = try openBroker(files)
        #expect(!files.exists("data/\(name)"))
        #expect(files.exists("data/words-0"))
    }

    @Test func `a deleted topic leaves no files`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        try broker.append(["a"], to: words)
        try broker.delete("words")
        #expect(try files.names(in: "data").filter { $0.contains("words") } == [])
    }

    @Test func `unrelated directories do not become topics`() throws {
        let files = MemoryFileSystem()
        for name in [
            "words-0", "a-b-12", "other", "other-", "other-01", "other-1.x-future", "-1", "o ther-0",
            "__cluster_metadata-0", "other-100000",
        ] { try files.createDirectory("data/\(name)") }
        let broker = try openBroker(files)
        #expect(broker.topics().map(\.name) == ["a-b", "words"])
        #expect(broker.topics().map(\.partitionCount) == [13, 1])
    }
}
