// The topics, in one file: `<data>/topics.json`. What it does not name does not exist, whatever directories there are.
//
//     { "topics": [ { "configuration": {}, "name": "orders", "partitionCount": 4 } ], "version": 1 }

internal import MoldauLog

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A topic as it was created.
package struct TopicMetadata: Codable, Equatable, Sendable {
    package let name: String
    package let partitionCount: Int32
    /// The settings that were given, by Kafka's names.
    package let configuration: [String: String]

    package init(name: String, partitionCount: Int32, configuration: [String: String] = [:]) {
        self.name = name
        self.partitionCount = partitionCount
        self.configuration = configuration
    }
}

/// Reads and writes the file of topics.
struct TopicCatalog<Files: FileSystem>: Sendable {
    private struct Contents: Codable {
        var version = 1
        var topics: [TopicMetadata]
    }

    private let files: Files
    private let directory: String
    private var path: String { "\(directory)/topics.json" }

    private(set) var topics: [String: TopicMetadata] = [:]

    init(_ files: Files, directory: String) throws(LogError) {
        self.files = files
        self.directory = directory
        guard let bytes = try files.contents(of: path) else { return }
        do {
            let contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
            for topic in contents.topics { topics[topic.name] = topic }
        } catch {
            throw .damagedFile(path: path, reason: "\(error)")
        }
    }

    /// Adds and removes topics at once, durably; after an error nothing has changed.
    mutating func change(adding added: [TopicMetadata] = [], removing removed: [String] = []) throws(LogError) {
        var changed = topics
        for name in removed { changed[name] = nil }
        for topic in added { changed[topic.name] = topic }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let bytes: Data
        do {
            bytes = try encoder.encode(Contents(topics: changed.values.sorted { $0.name < $1.name }))
        } catch {
            throw .damagedFile(path: path, reason: "\(error)")
        }
        try files.replace(path, with: Array(bytes), in: directory, sync: true)
        topics = changed
    }

    /// Why `name` can be no topic; nil if it can.
    static func objection(to name: String) -> String? {
        if name.isEmpty || name == "." || name == ".." { return "that is no name" }
        if name.utf8.count > 249 { return "a name has at most 249 characters" }
        let isLegal = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
        return isLegal ? nil : "a name consists of letters, digits, '.', '_' and '-'"
    }
}
