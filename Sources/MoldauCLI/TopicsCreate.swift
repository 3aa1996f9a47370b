import ArgumentParser
import MoldauCluster

/// `moldau topics create`.
struct TopicsCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Creates a topic, and the data directory if it does not exist.")

    @OptionGroup var data: DataDirectory

    @Argument(help: "The topic's name.")
    var topic: String

    @Option(help: "How many partitions it has.")
    var partitions: Int32 = 1

    @OptionGroup var settings: TopicSettings

    func validate() throws {
        if partitions < 1 { throw ValidationError("a topic has at least one partition, not \(partitions)") }
    }

    func run() throws {
        let configuration = try settings.read()
        try data.withCluster(orCreate: true) { cluster in
            let admin = try cluster.makeAdmin(clientID: "moldau")
            defer { admin.close() }
            try admin.create([NewTopic(topic, partitionCount: partitions, configuration: configuration)])
        }
        let output = LineOutput()
        try output.write("created \(topic) with \(partitions) \(partitions == 1 ? "partition" : "partitions")")
        try output.flush()
    }
}
