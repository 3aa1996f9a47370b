import ArgumentParser
import MoldauCluster
import MoldauRecords

/// `moldau topics list`: one name a line.
struct TopicsList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Prints the names of all topics.")

    @OptionGroup var place: ClusterPlace

    @OptionGroup var form: OutputForm

    func run() throws {
        let output = LineOutput()
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin()
            defer { admin.close() }
            let topics = try admin.topics()
            if form.isJSON {
                try output.write(
                    json: topics.map { topic -> [String: Any] in
                        [
                            "topic": topic.name, "topicId": (topic.id?.description).json,
                            "partitionCount": topic.partitionCount,
                        ]
                    })
            } else {
                for topic in topics { try output.write(topic.name) }
            }
            try output.flush()
        }
    }
}
