import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

/// How a changed topics file is handled.
struct TopicCatalogTests {
    private static func file(_ topics: String, version: Int = 1) -> String {
        #"{"topics":[\#(topics)],"version":\#(version)}"#
    }

    private static func topic(_ name: String, count: String = "1", more: String = "") -> String {
        #"{"configuration":{},"name":"\#(name)","partitionCount":\#(count)\#(more)}"#
    }

    @Test(arguments: [
        file(topic("../../pwn")), file(topic("")), file(topic("..")), file(topic("a/b")),
        file(topic("words", count: "-1")), file(topic("words", count: "0")), file(topic("words", count: "2147483647")),
        file(topic("words", count: "4294967296")), file(topic("words"), version: 99), file(topic("words"), version: 0),
        file(topic("words"), version: 2), file(topic("words") + "," + topic("words")),
        file(topic("words", more: #","id":"short""#)),
        #"{"topics":[{"configuration":{"retention.ms":"soon"},"name":"words","partitionCount":1}],"version":1}"#,
        "", "[]", "{",
    ])
    func `a topics file with invalid contents is refused and left unchanged`(text: String) throws {
        let files = MemoryFileSystem()
        try files.open("data/topics.json").write(Array(text.utf8), at: 0)
        let refused = #expect(throws: LogError.self) { try openBroker(files) }
        #expect(refused?.description.contains("'data/topics.json' is damaged: ") == true)
        #expect(try files.contents(of: "data/topics.json") == Array(text.utf8))
    }

    @Test func `a topics file with any flipped bit reads the same or is refused`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([
            TopicMetadata(name: "words", partitionCount: 3, configuration: ["retention.ms": "-1"]),
            TopicMetadata(name: "counts", partitionCount: 1),
        ])
        let topics = broker.topics()
        let bytes = try #require(try files.contents(of: "data/topics.json"))
        #expect(try openBroker(files).topics() == topics)
        for bit in 0..<(bytes.count * 8) {
            let damaged = files.copy()
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            try damaged.open("data/topics.json").write(changed, at: 0)
            if let reopened = try? openBroker(damaged) { #expect(reopened.topics() == topics, "bit \(bit)") }
        }
    }

    @Test(arguments: [-1, 0, 100_001, .max] as [Int32])
    func `a topic with an invalid number of partitions is not created`(count: Int32) throws {
        let broker = try openBroker(MemoryFileSystem())
        #expect(throws: BrokerError.self) { try broker.create([TopicMetadata(name: "words", partitionCount: count)]) }
        #expect(broker.topics().isEmpty)
    }
}
