import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)

private func text(_ files: MemoryFileSystem, _ path: String) throws -> String? {
    try files.contents(of: path).map { String(decoding: $0, as: UTF8.self) }
}

private func put(_ files: MemoryFileSystem, _ path: String, _ text: String) throws {
    try files.removeFile(path)
    try files.open(path).write(Array(text.utf8), at: 0)
}

/// The files by which a directory moves to a Kafka broker and back.
struct KafkaFilesTests {
    @Test func `a clean stop leaves the files that a Kafka broker expects`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        try broker.append(["a", "b", "c"], to: words)
        try broker.partition(words).deleteRecords(before: Offset(2))
        try broker.close()
        #expect(try text(files, "data/log-start-offset-checkpoint") == "0\n1\nwords 0 2\n")
        #expect(try text(files, "data/recovery-point-offset-checkpoint") == "0\n1\nwords 0 3\n")
        #expect(try text(files, "data/replication-offset-checkpoint") == "0\n1\nwords 0 3\n")
        #expect(try text(files, "data/words-0/leader-epoch-checkpoint") == "0\n1\n0 0\n")
        let lines = try #require(try text(files, "data/meta.properties")).split(separator: "\n")
        #expect(lines.count == 4)
        #expect(TopicID(lines[0].dropFirst("cluster.id=".count)) != nil)
        #expect(TopicID(lines[1].dropFirst("directory.id=".count)) != nil)
        #expect(lines[2...] == ["node.id=1", "version=1"])
        #expect(files.exists("data/.kafka_cleanshutdown"))
        // Unused partitions keep their entries.
        try openBroker(files).close()
        #expect(try text(files, "data/log-start-offset-checkpoint") == "0\n1\nwords 0 2\n")
    }

    @Test func `a Kafka broker's directory opens with its topics, ids and records, without deleted records`() throws {
        let files = MemoryFileSystem()
        let id = TopicID(high: 7, low: 9)
        for number in 0..<3 {
            let directory = "data/words-\(number)"
            var log = try PartitionLog(files, directory: directory, configuration: LogConfiguration(), wasClean: false)
            try batch(["a", "b", "c"]).withUnsafeBytes { _ = try log.append($0, now: noon()) }
            try log.close()
            try files.removeFile("\(directory)/00000000000000000000.checksums")
            try put(files, "\(directory)/partition.metadata", "version: 0\ntopic_id: \(id)")
            try put(files, "\(directory)/leader-epoch-checkpoint", "0\n2\n0 0\n5 2\n")
        }
        try put(files, "data/log-start-offset-checkpoint", "0\n1\nwords 0 2\n")
        try put(files, "data/meta.properties", "#\ncluster.id=x\nnode.id=4\nversion=1\n")
        try put(files, "data/.kafka_cleanshutdown", #"{"version":0,"brokerEpoch":12}"#)
        let broker = try openBroker(files)
        #expect(broker.topic("words")?.partitionCount == 3)
        #expect(broker.topic("words")?.id == id)
        #expect(try broker.partition(words).bounds() == Offset(2)..<Offset(3))
        #expect(try broker.values(of: words, from: 2) == ["c"])
        #expect(try broker.values(of: TopicPartition("words", 1)) == ["a", "b", "c"])
        try broker.append(["d"], to: words)
        let last = try #require(try broker.partition(words).read(from: Offset(3), maxBytes: 1_000))
        // The epoch of the last leader is kept.
        #expect(last.bytes.bytes.loadUnaligned(fromByteOffset: 12, as: Int32.self).bigEndian == 5)
        #expect(try text(files, "data/meta.properties") == "#\ncluster.id=x\nnode.id=4\nversion=1\n")
    }

    @Test func `changes that a Kafka broker made to the directory are respected`() throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.create([
            TopicMetadata(name: "words", partitionCount: 1), TopicMetadata(name: "counts", partitionCount: 1),
        ])
        let id = try #require(broker.topic("words")?.id)
        try broker.append(["a", "b", "c"], to: words)
        try broker.append(["x"], to: TopicPartition("counts", 0))
        try broker.close()
        // The Kafka broker deletes records, rewrites a segment shorter, recreates one topic, and creates another.
        try put(files, "data/log-start-offset-checkpoint", "0\n1\nwords 0 1\n")
        let shorter = MemoryFileSystem()
        var log = try PartitionLog(shorter, directory: "p", configuration: LogConfiguration(), wasClean: false)
        try batch(["b"]).withUnsafeBytes { _ = try log.append($0, now: noon()) }
        var segment = try #require(try shorter.contents(of: "p/00000000000000000000.log"))
        segment[7] = 1
        try files.removeFile("data/words-0/00000000000000000000.log")
        try files.open("data/words-0/00000000000000000000.log").write(segment, at: 0)
        let (other, third) = (TopicID(high: 1, low: 1), TopicID(high: 1, low: 2))
        try files.removeDirectory("data/counts-0")
        for (name, id) in [("counts-0", other), ("more-0", third)] {
            try files.createDirectory("data/\(name)")
            try put(files, "data/\(name)/partition.metadata", "version: 0\ntopic_id: \(id)")
        }
        try put(files, "data/.kafka_cleanshutdown", #"{"version":0,"brokerEpoch":12}"#)
        broker = try openBroker(files)
        #expect(broker.topic("words")?.id == id)
        #expect(broker.topic("counts")?.id == other)
        #expect(broker.topic("more")?.id == third)
        #expect(try broker.values(of: words, from: 1) == ["b"])
        #expect(try broker.values(of: TopicPartition("counts", 0)) == [])
        try broker.close()
        #expect(try openBroker(files).values(of: words, from: 1) == ["b"])
    }

    @Test(arguments: [
        "", "0\n", "1\n0\n", "0\n2\nwords 0 2\n", "0\n1\nwords x 2\n", "0\n1\nwords 0 -2\n", "0\n1\nwords 0 99\n",
    ])
    func `a log start offset file that is incomplete or beyond the end deletes nothing`(kept: String) throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 1)])
        try broker.append(["a", "b"], to: words)
        try broker.close()
        try put(files, "data/log-start-offset-checkpoint", kept)
        #expect(try openBroker(files).values(of: words) == ["a", "b"])
    }

    @Test func `if our own log start offset file is lost, Kafka's is used`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 1)])
        try broker.append(["a", "b"], to: words)
        try broker.partition(words).deleteRecords(before: Offset(1))
        try broker.close()
        try files.removeFile("data/words-0/log-start-offset")
        #expect(try openBroker(files).partition(words).bounds() == Offset(1)..<Offset(2))
    }

    /// Kafka's own reader expects the value to end there; our additions are in headers, which it ignores.
    @Test func `a transaction's decision lists exactly the written partitions, and is the last record`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.createTopics()
        try broker.append(["read"], to: left)
        var client = try TransactionalClient(broker)
        try client.send("a", to: right)
        try broker.commit([left: offset(1)], of: "app", "app-1", client.producer)
        try client.end(commit: true)
        // "app-1".hashCode() is 93027205: partition 5.
        let partition = try broker.partition(TopicPartition("__transaction_state", 5))
        var (values, position): ([[UInt8]], Offset) = ([], .zero)
        while let read = try partition.read(from: position, maxBytes: 1 << 16) {
            var reader = RecordBatchReader(read.bytes.bytes, from: position)
            while let record = try reader.next() { values.append(Array(record.value!)) }
            position = read.next.offset
        }
        for value in values {
            let topics = value.withUnsafeBytes {
                Int32(bigEndian: $0.loadUnaligned(fromByteOffset: 17, as: Int32.self))
            }
            var size = 21
            for _ in 0..<max(topics, 0) {
                let length = Int(value[size]) << 8 + Int(value[size + 1])
                let name = String(decoding: value[(size + 2)..<(size + 2 + length)], as: UTF8.self)
                #expect(["right", "__consumer_offsets"].contains(name))
                size += 2 + length + 8
            }
            #expect(value.count == size + 16)
            #expect((topics == -1) == (value[16] == 0))
        }
        #expect(values.last?[16] == 4)
    }
}
