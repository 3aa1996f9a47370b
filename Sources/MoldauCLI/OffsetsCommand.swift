import ArgumentParser
import MoldauClient
import MoldauRecords

/// `moldau offsets`: `topic:partition:offset`, a line each, as Kafka's kafka-get-offsets prints it.
struct OffsetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offsets", abstract: "Prints offsets of partitions: topic:partition:offset.",
        discussion: "Nothing follows the last colon if there is no record of that time or later.")

    @OptionGroup var place: ClusterPlace

    @Option(
        name: .customLong("topic"),
        help: "A topic, or some of its partitions: orders:0,2. May be repeated; without it, all.")
    var topics: [String] = []

    @Option(
        parsing: .unconditional,
        help: "latest or -1, earliest or -2, max-timestamp or -3, or a time in milliseconds since 1970.")
    var time = "latest"

    @OptionGroup var form: OutputForm

    func validate() throws { _ = try spec() }

    private func spec() throws -> AdminClient.OffsetSpec {
        switch time {
        case "latest", "-1": return .latest
        case "earliest", "-2": return .earliest
        case "max-timestamp", "-3": return .maxTimestamp
        default:
            guard let ms = Int64(time), ms >= 0 else {
                throw ValidationError(
                    "--time takes latest, earliest, max-timestamp, or milliseconds since 1970, not '\(time)'")
            }
            return .timestamp(Timestamp(ms: ms))
        }
    }

    func run() throws {
        let spec = try spec()
        try place.withAdmin { [self] admin in
            let names = topics.isEmpty ? try await admin.listTopics().map(\.name) : topics
            let partitions = try await admin.partitions(names)
            let found = try await admin.listOffsets(of: partitions, spec).all().sorted(on: \.key)
            var table = Table("TOPIC", "PARTITION", "OFFSET")
            let output = LineOutput()
            for (partition, listed) in found {
                let number = partition.partition.number
                table.add(.text(partition.topic), .number(Int64(number)), .offset(listed.offset))
                if form.isJSON { continue }
                try output.write("\(partition.topic):\(number):\(listed.offset.map { "\($0.value)" } ?? "")")
            }
            if form.isJSON { return try form.write(table) }
            try output.flush()
        }
    }
}
