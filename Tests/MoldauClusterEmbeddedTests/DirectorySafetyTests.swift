import Foundation
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)

/// What other programs may do to a directory during or after its use.
struct DirectorySafetyTests {
    private func fill(_ cluster: EmbeddedCluster) throws {
        try cluster.makeAdmin().create([NewTopic("words", partitionCount: 2)])
        let producer = try cluster.makeProducer(clientID: "writer")
        try producer.send(["a", "b"], to: words)
        try producer.flush()
    }

    private func permissions(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func `removing the lock file does not unlock the directory`() throws {
        let directory = try TemporaryDirectory()
        let cluster = try EmbeddedCluster(directory: directory.path)
        try FileManager.default.removeItem(atPath: "\(directory.path)/.lock")
        #expect(throws: LogError.self) { try EmbeddedCluster(directory: directory.path) }
        try fill(cluster)
        try cluster.close()
        try EmbeddedCluster(directory: directory.path).close()
    }

    @Test(arguments: [true, false])
    func `a lock file that links to another file is refused, and that file is unchanged`(isSymbolic: Bool) throws {
        let directory = try TemporaryDirectory()
        let (data, other) = ("\(directory.path)/data", "\(directory.path)/other")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try Data("precious".utf8).write(to: URL(filePath: other))
        if isSymbolic {
            try FileManager.default.createSymbolicLink(atPath: "\(data)/.lock", withDestinationPath: other)
        } else {
            try FileManager.default.linkItem(atPath: other, toPath: "\(data)/.lock")
        }
        let error = #expect(throws: LogError.self) { try EmbeddedCluster(directory: data) }
        #expect(error?.description.contains("it is a link, or not a regular file; remove it") == true)
        #expect(try Data(contentsOf: URL(filePath: other)) == Data("precious".utf8))
    }

    @Test func `only the owner can access directories and files`() throws {
        let directory = try TemporaryDirectory()
        let data = "\(directory.path)/data"
        let cluster = try EmbeddedCluster(directory: data)
        try fill(cluster)
        try cluster.close()
        for path in ["", "/words-0", "/words-1"] { #expect(try permissions(data + path) == 0o700) }
        for path in ["/.lock", "/topics.json", "/words-0/00000000000000000000.log", "/meta.properties"] {
            #expect(try permissions(data + path) == 0o600)
        }
    }

    @Test func `a topics file that is a dangling link is an error, and its target is not created`() throws {
        let directory = try TemporaryDirectory()
        let cluster = try EmbeddedCluster(directory: directory.path)
        try fill(cluster)
        try cluster.close()
        let topics = "\(directory.path)/topics.json"
        try FileManager.default.moveItem(atPath: topics, toPath: "\(directory.path)/kept")
        try FileManager.default.createSymbolicLink(atPath: topics, withDestinationPath: "\(directory.path)/nowhere")
        #expect(throws: LogError.self) { try EmbeddedCluster(directory: directory.path) }
        #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/nowhere"))
        try FileManager.default.removeItem(atPath: topics)
        try FileManager.default.moveItem(atPath: "\(directory.path)/kept", toPath: topics)
        let reopened = try EmbeddedCluster(directory: directory.path)
        let consumer = try reopened.makeConsumer(clientID: "reader")
        #expect(try consumer.bounds(of: [words])[words] == Offset.zero..<Offset(2))
        try reopened.close()
    }

    @Test(arguments: [true, false])
    func `a copy made during writes is refused, and a copy after a clean stop is accepted`(closes: Bool) throws {
        let directory = try TemporaryDirectory()
        let (data, copy) = ("\(directory.path)/data", "\(directory.path)/copy")
        let cluster = try EmbeddedCluster(directory: data)
        try fill(cluster)
        if closes { try cluster.close() }
        try FileManager.default.copyItem(atPath: data, toPath: copy)
        if closes {
            try EmbeddedCluster(directory: copy).close()
        } else {
            let error = #expect(throws: LogError.self) { try EmbeddedCluster(directory: copy) }
            #expect(error?.description.contains("was copied while a program was writing to it") == true)
            // The remedy that the error suggests.
            try FileManager.default.removeItem(atPath: "\(copy)/directory-number")
            try EmbeddedCluster(directory: copy).close()
            try cluster.close()
        }
        try EmbeddedCluster(directory: data).close()
    }
}
