import ArgumentParser
import MoldauClient

/// `moldau groups list`: one name a line, or each with its state.
struct GroupsList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Prints the names of all groups.")

    @OptionGroup var place: ClusterPlace

    @Flag(help: "Print what each group is doing as well.")
    var state = false

    @OptionGroup var form: OutputForm

    func run() throws {
        try place.withAdmin { [self] admin in
            let groups = try await admin.listGroups()
            guard state || form.isJSON else {
                let output = LineOutput()
                for group in groups { try output.write(group.group) }
                return try output.flush()
            }
            var table = Table("GROUP", "TYPE", "PROTOCOL", "STATE")
            for group in groups {
                table.add(
                    .text(group.group), group.type.map { .text($0) } ?? .missing, .text(group.protocolType),
                    .text(group.state.rawValue))
            }
            try form.write(table)
        }
    }
}
