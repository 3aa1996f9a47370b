import ArgumentParser
import MoldauClient

/// `moldau groups delete`.
struct GroupsDelete: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes groups without members, and the offsets that they have committed.")

    @OptionGroup var place: ClusterPlace

    @Option(name: .customLong("group"), help: "A group. May be repeated.")
    var groups: [String]

    func run() throws {
        try place.withAdmin { [self] admin in
            let output = LineOutput()
            for (name, group) in try await admin.requireGroups(Set(groups).sorted()) where !group.members.isEmpty {
                throw CommandFailure("'\(name)' has \(group.memberCount); stop its readers first")
            }
            for name in Set(groups).sorted() {
                try await admin.deleteGroups([name]).all()
                try output.write("deleted \(name)")
            }
            try output.flush()
        }
    }
}
