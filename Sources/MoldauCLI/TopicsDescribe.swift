import ArgumentParser
import MoldauCluster
import MoldauRecords

/// `moldau topics describe`: prints the topics' settings, where their partitions are, and the range of offsets held.
struct TopicsDescribe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Prints partitions, settings and offsets of topics.",
        discussion: """
            Lines and words are those of Kafka's kafka-topics, separated by tabs; they are followed by the first offset that \
            is held and the one after the last record that can be read. Configs are the settings that were given to the \
            topic: 'moldau configs describe --all' also prints the defaults.
            """)

    @OptionGroup var place: ClusterPlace

    @Argument(help: "The topics; all if none is named.")
    var topics: [String] = []

    @OptionGroup var form: OutputForm

    /// A topic, and what is known about its partitions.
    private struct Described {
        let topic: TopicDescription
        let places: [PartitionPlace]
        let bounds: [TopicPartition: Range<Offset>]

        func partition(_ number: Int) -> TopicPartition { TopicPartition(topic.name, Int32(number)) }
    }

    func run() throws {
        let output = LineOutput()
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin()
            let consumer = try cluster.makeConsumer(clientID: "moldau")
            defer {
                consumer.close()
                admin.close()
            }
            for name in topics { _ = try admin.requireTopic(name) }
            let wanted = try admin.topics().filter { topics.isEmpty || topics.contains($0.name) }
            let places = try PartitionPlace.all(of: wanted, in: cluster)
            let described = try wanted.compactMap { topic -> Described? in
                guard let places = places[topic.name] else { return nil }
                // Only a leader knows the offsets of a partition.
                let led = places.indices.filter { places[$0].leader != nil }
                let bounds = try consumer.bounds(of: Set(led.map { TopicPartition(topic.name, Int32($0)) }))
                return Described(topic: topic, places: places, bounds: bounds)
            }
            if form.isJSON {
                try output.write(json: described.map(Self.object))
            } else {
                for topic in described { try write(topic, to: output) }
            }
            try output.flush()
        }
    }

    private func write(_ described: Described, to output: LineOutput) throws {
        let (topic, places) = (described.topic, described.places)
        let configs = topic.configuration.sorted(on: \.key).map { "\($0)=\($1)" }
        try output.write(
            "Topic: \(topic.name)\tTopicId: \(topic.id?.description ?? "")\tPartitionCount: \(places.count)\t"
                + "ReplicationFactor: \(places.first?.replicas.count ?? 0)\tConfigs: \(configs.joined(separator: ","))")
        for (number, place) in places.enumerated() {
            func list(_ brokers: [Int32]) -> String { brokers.map(String.init).joined(separator: ",") }
            let held = described.bounds[described.partition(number)]
            try output.write(
                "\tTopic: \(topic.name)\tPartition: \(number)\tLeader: \(place.leader.map(String.init) ?? "none")\t"
                    + "Replicas: \(list(place.replicas))\tIsr: \(list(place.inSync))\t"
                    + "StartOffset: \(held.map { "\($0.lowerBound)" } ?? "unknown")\t"
                    + "EndOffset: \(held.map { "\($0.upperBound)" } ?? "unknown")")
        }
    }

    private static func object(_ described: Described) -> [String: Any] {
        let (topic, places) = (described.topic, described.places)
        return [
            "topic": topic.name, "topicId": (topic.id?.description).json, "partitionCount": places.count,
            "replicationFactor": places.first?.replicas.count ?? 0, "configs": topic.configuration,
            "partitions": places.enumerated().map { number, place -> [String: Any] in
                let held = described.bounds[described.partition(number)]
                return [
                    "partition": number, "leader": place.leader.json, "replicas": place.replicas,
                    "isr": place.inSync, "startOffset": (held?.lowerBound.value).json,
                    "endOffset": (held?.upperBound.value).json,
                ]
            },
        ]
    }
}
