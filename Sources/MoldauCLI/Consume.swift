import ArgumentParser
import MoldauCluster
import MoldauRecords
import Signals

/// `moldau consume`: prints the records of a topic.
struct Consume: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints a topic's records, a line each.",
        discussion: """
            Ends at the end of the topic, unless --follow is given. The fields asked for are printed in this \
            order, separated by tabs: partition, offset, timestamp, headers, key, value. A null is printed as 'null'. Text is \
            printed byte by byte as it was written.
            """)

    @OptionGroup var place: ClusterPlace

    @Argument(help: "The topic.")
    var topic: String

    @Flag(help: "Begin with the first record held. This is the default without --follow.")
    var fromBeginning = false

    @Option(help: "Begin at this offset, in each partition that is read.")
    var offset: Int64?

    @Option(name: .customLong("partition"), help: "Read this partition. May be repeated; without it all are read.")
    var chosenPartitions: [Int32] = []

    @Option(help: "Print this many records, then stop.")
    var maxMessages: Int?

    @Flag(help: "At the end, wait for more; without a start given, print only new records.")
    var follow = false

    @OptionGroup var format: LineFormat

    func validate() throws {
        if fromBeginning && offset != nil { throw ValidationError("give --from-beginning or --offset, not both") }
        if let maxMessages, maxMessages < 1 { throw ValidationError("--max-messages is at least 1") }
    }

    func run() throws {
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin()
            defer { admin.close() }
            let found = try admin.requireTopic(topic)
            let consumer = try cluster.makeConsumer(clientID: "moldau")
            defer { consumer.close() }
            let bounds = try consumer.bounds(of: try partitions(of: found))
            try consumer.assign(Set(bounds.keys))
            for (partition, held) in bounds { try consumer.seek(partition, to: try start(in: partition, held)) }
            try read(consumer, upTo: bounds.mapValues(\.upperBound))
        }
    }

    private func partitions(of topic: TopicDescription) throws -> Set<TopicPartition> {
        for number in chosenPartitions where number < 0 || number >= topic.partitionCount {
            throw CommandFailure(
                "there is no partition \(number): \(topic.name) has \(topic.partitionCount), counted from 0")
        }
        let numbers = chosenPartitions.isEmpty ? Array(0..<topic.partitionCount) : chosenPartitions
        return Set(numbers.map { TopicPartition(topic.name, $0) })
    }

    private func start(in partition: TopicPartition, _ held: Range<Offset>) throws -> Offset {
        guard let offset else { return follow && !fromBeginning ? held.upperBound : held.lowerBound }
        let start = Offset(offset)
        guard start >= held.lowerBound && start <= held.upperBound else {
            throw CommandFailure("\(ClusterError.offsetOutOfRange(partition, requested: start, held: held))")
        }
        return start
    }

    /// How many polls of a tenth of a second may return nothing before the end of the topic is reached.
    private static let patience = 300

    private func read(_ consumer: any Consumer, upTo ends: [TopicPartition: Offset]) throws {
        let interruption = Interruption { [wakeup = consumer.wakeup] in wakeup.signal() }
        let output = LineOutput()
        var left = maxMessages ?? .max
        var unread = ends.filter { consumer.position($0.key) ?? .zero < $0.value }
        var emptyPolls = 0
        while left > 0, follow || !unread.isEmpty, !interruption.hasCome {
            let fetched = try consumer.poll(wait: follow ? .seconds(1) : .milliseconds(100))
            for batches in fetched {
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                let end = follow ? nil : ends[batches.partition]
                while left > 0, let record = try reader.next() {
                    if let end, record.offset >= end { break }
                    try output.write(try format.line(record, of: batches.partition))
                    left -= 1
                }
            }
            try output.flush()
            // An aborted transaction returns no records, but advances the position.
            unread = unread.filter { consumer.position($0.key) ?? .zero < $0.value }
            emptyPolls = fetched.isEmpty ? emptyPolls + 1 : 0
            if !follow, !unread.isEmpty, emptyPolls >= Self.patience {
                let places = unread.keys.sorted().map(\.description).joined(separator: ", ")
                throw CommandFailure("the end of \(places) was not reached, and nothing came for a while")
            }
        }
    }
}
