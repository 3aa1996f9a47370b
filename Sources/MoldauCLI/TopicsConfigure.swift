import ArgumentParser
import MoldauCluster

/// `moldau topics configure`.
struct TopicsConfigure: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configure", abstract: "Changes settings of a topic; its records stay.",
        discussion: "Records that the new settings expire are deleted when the application runs next.")

    @OptionGroup var place: ClusterPlace

    @Argument(help: "The topic.")
    var topic: String

    @OptionGroup var settings: TopicSettings

    @Option(name: .customLong("unset"), help: "A setting that goes back to its default. May be repeated.")
    var unset: [String] = []

    func validate() throws {
        if settings.settings.isEmpty && unset.isEmpty {
            throw ValidationError("give --set name=value, or --unset name")
        }
    }

    func run() throws {
        let set = try settings.read(for: place)
        for name in unset where set[name] != nil { throw CommandFailure("'\(name)' is to be set and unset") }
        let output = LineOutput()
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin(clientID: "moldau")
            defer { admin.close() }
            let found = try admin.requireTopic(topic, toChange: true)
            for name in unset where found.configuration[name] == nil {
                throw CommandFailure("'\(name)' of \(topic) is at its default already")
            }
            var changes = set.mapValues(String?.some)
            for name in unset { changes.updateValue(nil, forKey: name) }
            try admin.configure(topic, changes)
        }
        for (name, value) in set.sorted(by: { $0.key < $1.key }) { try output.write("\(topic): \(name)=\(value)") }
        for name in unset { try output.write("\(topic): \(name) is at its default") }
        try output.flush()
    }
}
