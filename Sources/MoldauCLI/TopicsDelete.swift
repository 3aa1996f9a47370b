import ArgumentParser
import MoldauCluster

/// `moldau topics delete`.
struct TopicsDelete: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Deletes topics with their records, and the positions that groups have in them.")

    @OptionGroup var place: ClusterPlace

    @Argument(help: "The topics.")
    var topics: [String]

    func run() throws {
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin()
            defer { admin.close() }
            for name in topics { _ = try admin.requireTopic(name, toChange: true) }
            try admin.delete(topics)
        }
        let output = LineOutput()
        for name in topics { try output.write("deleted \(name)") }
        try output.flush()
    }
}
