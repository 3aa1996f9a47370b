import ArgumentParser
import MoldauBroker
import MoldauServer

/// `moldau users list`: one line per user, with the mechanisms by which the user may log in.
struct UsersList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Prints the names of all users, and by which mechanisms they log in.")

    @OptionGroup var data: DataDirectory

    func run() throws {
        let output = LineOutput()
        try data.withUsers { users in
            for user in users.all {
                let mechanisms = user.credentials.map { "\($0.mechanism.name) (\($0.iterations) iterations)" }
                try output.write("\(user.name): \(mechanisms.joined(separator: ", "))")
            }
        }
        try output.flush()
    }
}
