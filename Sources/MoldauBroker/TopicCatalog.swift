// The topics, in one file: `<data>/topics.json`. Topics that are not in it do not exist, even if there are directories
// for them.
//
//     { "checksum": 3282348724,
//       "topics": [ { "configuration": {}, "id": "8xNnyqMoQgeUmqVpiMVbUQ", "name": "orders", "partitionCount": 4 } ],
//       "version": 2 }
//
// The checksum is the CRC-32C of the content, not of its JSON text: for each topic, sorted by name, its name, id,
// partition count and number of settings, then the settings sorted by key, key and value; each text is followed by a
// zero byte, numbers are in decimal. Version 1 had neither checksum nor ids.

internal import MoldauLog
internal import MoldauRecords

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads and writes the file of topics.
struct TopicCatalog<Files: FileSystem>: Sendable {
    private struct Contents: Codable {
        var version: Int
        var topics: [Entry]
        var checksum: UInt32?
    }

    private struct Entry: Codable {
        var name: String
        var partitionCount: Int32
        var configuration: [String: String]
        var id: String?
    }

    private static var version: Int { 2 }
    /// The maximum number of partitions of a topic: each costs some hundred bytes of memory.
    static var maxPartitionCount: Int32 { 100_000 }

    private let files: Files
    private let directory: String
    private var path: String { "\(directory)/topics.json" }

    private(set) var topics: [String: TopicMetadata] = [:]
    /// Rises with each change of the topics.
    private(set) var changeCount = 0
    /// Whether the file did not exist.
    private(set) var isMissing = false

    init(_ files: Files, directory: String) throws(LogError) {
        self.files = files
        self.directory = directory
        guard let bytes = try files.contents(of: path) else {
            isMissing = true
            return
        }
        let contents: Contents
        do {
            contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
        } catch {
            throw damaged("\(error)")
        }
        guard (1...Self.version).contains(contents.version) else {
            throw .damagedFile(
                path: path,
                reason:
                    "it has version \(contents.version), but this program knows only versions up to \(Self.version); "
                    + "open the directory with the program that wrote it")
        }
        for entry in contents.topics { try add(entry) }
        guard contents.version == 1 || contents.checksum == Self.checksum(of: sorted) else {
            throw damaged("its checksum does not match its topics, so it has changed since it was written")
        }
    }

    private func damaged(_ reason: String) -> LogError {
        .damagedFile(
            path: path,
            reason: "\(reason); restore it from a copy, or move it away: the topics are then restored from the "
                + "partitions' directories, with default settings")
    }

    private mutating func add(_ entry: Entry) throws(LogError) {
        if let objection = TopicName.objection(to: entry.name) {
            throw damaged("a topic '\(entry.name)': \(objection)")
        }
        if let objection = Self.objection(toPartitionCount: entry.partitionCount) {
            throw damaged("the topic '\(entry.name)': \(objection)")
        }
        let id = entry.id.flatMap { TopicID($0) }
        if entry.id != nil && id == nil { throw damaged("the topic '\(entry.name)' has no valid id") }
        do throws(LogError) {
            _ = try LogConfiguration(entry.configuration)
        } catch {
            throw damaged("the topic '\(entry.name)': \(error)")
        }
        let topic = TopicMetadata(
            name: entry.name, partitionCount: entry.partitionCount, configuration: entry.configuration, id: id)
        guard topics.updateValue(topic, forKey: topic.name) == nil else {
            throw damaged("the topic '\(entry.name)' is listed twice")
        }
    }

    private var sorted: [TopicMetadata] { topics.values.sorted(on: \.name) }

    private static func checksum(of topics: [TopicMetadata]) -> UInt32 {
        var fields: [String] = []
        for topic in topics {
            let settings = topic.configuration.sorted(on: \.key)
            fields += [topic.name, topic.id?.description ?? "", "\(topic.partitionCount)", "\(settings.count)"]
            for (key, value) in settings { fields += [key, value] }
        }
        var writer = ByteWriter()
        for field in fields {
            writer.append(utf8: field)
            writer.append(byte: 0)
        }
        return crc32c(writer.bytes)
    }

    /// Gives ids to topics without one: the id stored in a partition's directory, or a new one. Durable on return.
    mutating func giveIDs(using randomness: inout any RandomNumberGenerator & Sendable) throws(LogError) {
        var named: [TopicMetadata] = []
        for topic in sorted where topic.id == nil {
            var kept: TopicID?
            for number in 0..<topic.partitionCount where kept == nil {
                kept = try files.topicID(ofPartitionIn: "\(directory)/\(TopicPartition(topic.name, number))")
            }
            named.append(topic.with(kept ?? TopicID.random(using: &randomness)))
        }
        if !named.isEmpty { try change(adding: named) }
    }

    /// Adds and removes topics atomically and durably; after an error nothing has changed.
    mutating func change(adding added: [TopicMetadata] = [], removing removed: [String] = []) throws(LogError) {
        var changed = self
        for name in removed { changed.topics[name] = nil }
        for topic in added { changed.topics[topic.name] = topic }
        let entries = changed.sorted.map { topic in
            Entry(
                name: topic.name, partitionCount: topic.partitionCount, configuration: topic.configuration,
                id: topic.id?.description)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let bytes: Data
        do {
            bytes = try encoder.encode(
                Contents(version: Self.version, topics: entries, checksum: Self.checksum(of: changed.sorted)))
        } catch {
            throw .damagedFile(path: path, reason: "\(error)")
        }
        try files.replace(path, with: Array(bytes), in: directory, sync: true)
        topics = changed.topics
        changeCount += 1
    }

    /// The reason why a topic cannot have this many partitions; nil if it can.
    static func objection(toPartitionCount count: Int32) -> String? {
        (1...maxPartitionCount).contains(count)
            ? nil : "a topic has from 1 to \(maxPartitionCount) partitions, not \(count)"
    }
}
