import ArgumentParser
import MoldauCluster

/// `moldau topics list`: one name a line.
struct TopicsList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Prints the names of all topics.")

    @OptionGroup var place: ClusterPlace

    func run() throws {
        let output = LineOutput()
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin(clientID: "moldau")
            defer { admin.close() }
            for topic in try admin.topics() { try output.write(topic.name) }
            try output.flush()
        }
    }
}
