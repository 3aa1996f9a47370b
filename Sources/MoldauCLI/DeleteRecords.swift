import ArgumentParser
import Foundation
import MoldauClient
import MoldauRecords

/// `moldau delete-records`: deletes the records before an offset.
struct DeleteRecords: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deletes the records of partitions before an offset.",
        discussion: """
            The file has Kafka's form: {"partitions": [{"topic": "orders", "partition": 0, "offset": 10}], "version": 1}. \
            The offset −1 deletes all records.
            """)

    @OptionGroup var place: ClusterPlace

    @Option(
        name: .customLong("before"), help: "topic:partition:offset, as 'moldau offsets' prints it. May be repeated.")
    var places: [String] = []

    @Option(help: "A JSON file with partitions and offsets.")
    var offsetJsonFile: String?

    @OptionGroup var form: OutputForm

    func validate() throws {
        if places.isEmpty == (offsetJsonFile == nil) { throw ValidationError("give --before, or --offset-json-file") }
    }

    func run() throws {
        let wanted = try read()
        try place.withAdmin { [self] admin in
            let starts = try await admin.deleteRecords(before: wanted).all()
            var table = Table("TOPIC", "PARTITION", "LOW-WATERMARK")
            for (partition, offset) in starts.sorted(on: \.key) {
                table.add(.text(partition.topic), .number(Int64(partition.partition.number)), .offset(offset))
            }
            try form.write(table)
        }
    }

    /// A nil offset means all records.
    private func read() throws -> [TopicPartition: Offset?] {
        var found: [TopicPartition: Offset?] = [:]
        for entry in try offsetJsonFile.map(Self.entries(inFile:)) ?? places.map(Self.entry) {
            guard entry.partition >= 0, entry.offset >= -1 else {
                throw CommandFailure("partitions and offsets count from 0; the offset −1 means all records")
            }
            let partition = TopicPartition(entry.topic, entry.partition)
            guard found.updateValue(entry.offset < 0 ? nil : Offset(entry.offset), forKey: partition) == nil else {
                throw CommandFailure("\(partition) is named twice")
            }
        }
        return found
    }

    private struct File: Decodable {
        let partitions: [Entry]
    }

    private struct Entry: Decodable {
        let topic: String
        let partition: Int32
        let offset: Int64
    }

    private static func entries(inFile path: String) throws -> [Entry] {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("the file '\(path)' of --offset-json-file cannot be read")
        }
        do {
            return try JSONDecoder().decode(File.self, from: bytes).partitions
        } catch {
            throw CommandFailure(
                "'\(path)' does not have the form {\"partitions\": [{\"topic\": …, \"partition\": …, \"offset\": …}]}: \(error)"
            )
        }
    }

    private static func entry(_ text: String) throws -> Entry {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, let partition = Int32(parts[1]), let offset = Int64(parts[2]) else {
            throw CommandFailure("--before takes topic:partition:offset, not '\(text)'")
        }
        return Entry(topic: String(parts[0]), partition: partition, offset: offset)
    }
}
