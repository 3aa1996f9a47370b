import ArgumentParser
import Foundation
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords

/// `moldau produce`: a record for each line of standard input.
struct Produce: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the lines of standard input to a topic, a record each.",
        discussion: "Records with equal keys go to the same partition, as with Kafka's producers.")

    @OptionGroup var data: DataDirectory

    @Argument(help: "The topic.")
    var topic: String

    @Option(help: "What comes before it in a line is the key; without this option records have no key.")
    var keySeparator: String?

    @Option(help: "The partition; without this option the key decides.")
    var partition: Int32?

    @Option(name: .customLong("header"), help: "A header 'name=text' for every record. May be repeated.")
    var headers: [String] = []

    @Option(help: "The time of every record in milliseconds since 1970; without this option the time of writing.")
    var timestamp: Int64?

    @Option(help: "What the keys are: string, int64 or hex.")
    var keyType = TextForm.string

    @Option(help: "What the values are: string, int64 or hex.")
    var valueType = TextForm.string

    @Option(help: "A value of exactly this text is a null: in a table it deletes the key's row.")
    var null: String?

    func validate() throws {
        if keySeparator?.isEmpty == true { throw ValidationError("--key-separator must not be empty") }
    }

    func run() throws {
        try data.withCluster { cluster in
            let admin = try cluster.makeAdmin(clientID: "moldau")
            defer { admin.close() }
            let found = try admin.requireTopic(topic)
            if let partition, partition < 0 || partition >= found.partitionCount {
                throw CommandFailure(
                    "there is no partition \(partition): \(topic) has \(found.partitionCount), counted from 0")
            }
            let producer = try cluster.makeProducer(clientID: "moldau")
            defer { producer.close() }
            let count = try produce(to: producer, partitionCount: found.partitionCount)
            FileHandle.standardError.write(
                Data("wrote \(count) \(count == 1 ? "record" : "records") to \(topic)\n".utf8))
        }
    }

    /// - Returns: the number of records.
    private func produce(to producer: any Producer, partitionCount: Int32) throws -> Int {
        let isTyped = isatty(STDIN_FILENO) != 0
        let headers = Headers(
            try headers.map { argument in
                let header = try NamedText(argument, option: "--header")
                return Header(header.name, header.text)
            })
        let batches = PartitionBatches(topic, partitionCount: partitionCount, producer: producer)
        var count = 0
        do {
            while let line = readLine() {
                let (key, value) = try record(of: line, number: count + 1)
                let time = timestamp.map { Timestamp(ms: $0) } ?? EmbeddedCluster.systemClock()
                try batches.append(key: key, value: value, timestamp: time, headers: headers, to: partition)
                count += 1
                if isTyped { try batches.flush() }
            }
        } catch let failure as CommandFailure {
            try batches.flush()
            throw CommandFailure("\(failure); the \(count) lines before it are written")
        }
        try batches.flush()
        return count
    }

    private func record(of line: String, number: Int) throws -> (key: [UInt8]?, value: [UInt8]?) {
        var key: [UInt8]?
        var rest = Substring(line)
        if let keySeparator {
            guard let mark = line.range(of: keySeparator) else {
                throw CommandFailure("line \(number) has no '\(keySeparator)' between key and value")
            }
            key = try bytes(line[..<mark.lowerBound], keyType, "key", number)
            rest = line[mark.upperBound...]
        }
        if let null, rest == null { return (key, nil) }
        return (key, try bytes(rest, valueType, "value", number))
    }

    private func bytes(_ text: Substring, _ form: TextForm, _ part: String, _ number: Int) throws -> [UInt8] {
        guard let bytes = form.bytes(text) else {
            throw CommandFailure("the \(part) '\(text)' in line \(number) is not \(form.article)")
        }
        return bytes
    }
}
