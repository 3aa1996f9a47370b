import ArgumentParser
import Foundation
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords

/// `moldau produce`: writes a record for each line of standard input.
struct Produce: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the lines of standard input to a topic, a record each.",
        discussion: """
            Records with equal keys go to the same partition, as with Kafka's producers. A line ends at a newline, \
            and is written byte by byte: a carriage return before the newline belongs to the value ("tr -d '\\r'" removes \
            it). What is not UTF-8 is refused unless the type is 'bytes'. If a line cannot be written, those before it are, \
            and an error says which one it was.
            """)

    @OptionGroup var place: ClusterPlace

    @Argument(help: "The topic.")
    var topic: String

    @Option(help: "What separates the key from the value in a line; without this option records have no key.")
    var keySeparator: String?

    @Option(help: "The partition; without this option the key decides.")
    var partition: Int32?

    @Option(name: .customLong("header"), help: "A header 'name=text' for every record. May be repeated.")
    var headers: [String] = []

    @Option(help: "The time of every record in milliseconds since 1970; without this option the time of writing.")
    var timestamp: Int64?

    @Option(help: "The type of the keys: string (UTF-8), bytes, int64 or hex.")
    var keyType = TextForm.string

    @Option(help: "The type of the values: string (UTF-8), bytes, int64 or hex.")
    var valueType = TextForm.string

    @Option(help: "A value of exactly this text is a null: in a table it deletes the key's row.")
    var null: String?

    func validate() throws {
        if keySeparator?.isEmpty == true { throw ValidationError("--key-separator must not be empty") }
        if let timestamp, timestamp < 0 { throw ValidationError("--timestamp counts from 1970; it is not negative") }
    }

    func run() throws {
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin()
            defer { admin.close() }
            let found = try admin.requireTopic(topic, toChange: true)
            if let partition, partition < 0 || partition >= found.partitionCount {
                throw CommandFailure(
                    "there is no partition \(partition): \(topic) has \(found.partitionCount), counted from 0")
            }
            try checkKeys(of: found)
            let producer = try cluster.makeProducer(clientID: "moldau")
            defer { producer.close() }
            let count = try produce(to: producer, found)
            LineOutput.tell("wrote \(count) \(count == 1 ? "record" : "records") to \(topic)")
        }
    }

    /// A compacted topic requires a key in each record.
    private func checkKeys(of found: TopicDescription) throws {
        guard keySeparator == nil, found.configuration["cleanup.policy"]?.contains("compact") == true else { return }
        throw CommandFailure(
            "\(topic) is compacted, so each record needs a key: write lines as 'key:value', and give --key-separator :"
        )
    }

    /// - Returns: the number of records.
    private func produce(to producer: any Producer, _ found: TopicDescription) throws -> Int {
        let isTyped = isatty(STDIN_FILENO) != 0
        let headers = Headers(
            try headers.map { argument in
                let header = try NamedText(argument, option: "--header")
                return Header(header.name, header.text)
            })
        let limit = try Self.largestBatch(of: found)
        let batches = PartitionBatches(topic, partitionCount: found.partitionCount, limit: limit, producer: producer)
        // Each byte takes at most two characters in the line.
        var lines = InputLines(longestBytes: 2 * limit)
        var count = 0
        do {
            while let line = try lines.next() {
                let (key, value) = try record(of: line, number: count + 1)
                let time = timestamp.map { Timestamp(ms: $0) } ?? EmbeddedCluster.systemClock()
                try batches.append(key: key, value: value, timestamp: time, headers: headers, to: partition)
                count += 1
                if isTyped { try batches.flush() }
            }
        } catch {
            let reason =
                switch error {
                case is InputLines.TooLong:
                    "line \(count + 1) is longer than \(topic) accepts (max.message.bytes=\(limit))"
                case ClusterError.recordTooLarge: "line \(count + 1) is too long: \(error)"
                default: "\(error)"
                }
            try batches.flush()
            throw CommandFailure("\(reason); \(Self.written(count))")
        }
        try batches.flush()
        return count
    }

    private static func largestBatch(of topic: TopicDescription) throws -> Int {
        do throws(LogError) {
            return try LogConfiguration(topic.configuration.filter { $0.key == "max.message.bytes" }).maxMessageBytes
        } catch {
            throw CommandFailure("a setting of '\(topic.name)' cannot be read: \(error)")
        }
    }

    private static func written(_ count: Int) -> String {
        switch count {
        case 0: "nothing was written"
        case 1: "the line before it was written"
        default: "the \(count) lines before it were written"
        }
    }

    private func record(of line: ArraySlice<UInt8>, number: Int) throws -> (key: [UInt8]?, value: [UInt8]?) {
        var key: [UInt8]?
        var rest = line
        if let keySeparator {
            let separator = Array(keySeparator.utf8)
            guard let mark = line.indices.first(where: { line[$0...].starts(with: separator) }) else {
                throw CommandFailure("line \(number) has no '\(keySeparator)' between key and value")
            }
            key = try bytes(line[..<mark], keyType, "key", number)
            rest = line[(mark + separator.count)...]
        }
        if let null, rest.elementsEqual(null.utf8) { return (key, nil) }
        return (key, try bytes(rest, valueType, "value", number))
    }

    private func bytes(_ text: ArraySlice<UInt8>, _ form: TextForm, _ part: String, _ number: Int) throws -> [UInt8] {
        guard let bytes = form.bytes(text) else {
            let shown = form == .string ? "" : " '\(String(decoding: text.prefix(100), as: UTF8.self))'"
            throw CommandFailure("the \(part)\(shown) in line \(number) is not \(form.article)")
        }
        return bytes
    }
}
