import ArgumentParser
import MoldauCluster
import MoldauRecords

/// `moldau topics describe`: partitions, settings, and which offsets are held.
struct TopicsDescribe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Prints partitions, settings and offsets of topics.")

    @OptionGroup var data: DataDirectory

    @Argument(help: "The topics; all if none is named.")
    var topics: [String] = []

    func run() throws {
        try data.withCluster { cluster in
            let admin = try cluster.makeAdmin(clientID: "moldau")
            let consumer = try cluster.makeConsumer(clientID: "moldau")
            defer {
                consumer.close()
                admin.close()
            }
            for name in topics { _ = try admin.requireTopic(name) }
            for topic in try admin.topics() where topics.isEmpty || topics.contains(topic.name) {
                try describe(topic, consumer)
            }
        }
    }

    private func describe(_ topic: TopicDescription, _ consumer: any Consumer) throws {
        let partitions = (0..<topic.partitionCount).map { TopicPartition(topic.name, $0) }
        let bounds = try consumer.bounds(of: Set(partitions))
        let records = bounds.values.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
        print("\(topic.name): partitions \(topic.partitionCount), offsets held \(records)")
        for (setting, value) in topic.configuration.sorted(by: { $0.key < $1.key }) { print("  \(setting)=\(value)") }
        for partition in partitions {
            guard let held = bounds[partition] else { continue }
            let (first, end) = (held.lowerBound, held.upperBound)
            print("  partition \(partition.partition): offsets \(first) up to, not including, \(end)")
        }
    }
}
