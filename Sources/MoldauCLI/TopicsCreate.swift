import ArgumentParser
import MoldauCluster

/// `moldau topics create`.
struct TopicsCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Creates a topic, and the data directory if it does not exist.")

    @OptionGroup var place: ClusterPlace

    @Argument(help: "The topic's name.")
    var topic: String

    @Option(help: "How many partitions it has.")
    var partitions: Int32 = 1

    @Option(
        help: "On how many brokers each record is kept; without it the cluster's default. A directory is 1 copy.")
    var replicationFactor: Int16?

    @OptionGroup var settings: TopicSettings

    func validate() throws {
        if partitions < 1 { throw ValidationError("a topic has at least one partition, not \(partitions)") }
    }

    func run() throws {
        if let replicationFactor, replicationFactor != 1, place.isDirectory {
            throw CommandFailure("a data directory is one copy: --replication-factor goes with --bootstrap-server")
        }
        let configuration = try settings.read(for: place)
        try place.withCluster(orCreate: true, replicationFactor: replicationFactor) { cluster in
            let admin = try cluster.makeAdmin()
            defer { admin.close() }
            try admin.create([NewTopic(topic, partitionCount: partitions, configuration: configuration)])
        }
        let output = LineOutput()
        try output.write("created \(topic) with \(partitions) \(partitions == 1 ? "partition" : "partitions")")
        try output.flush()
    }
}
