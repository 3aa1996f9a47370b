import ArgumentParser
import MoldauServer

/// `moldau users remove`.
struct UsersRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a user, who can no longer log in.",
        discussion: "Access rules that name the user stay.")

    @OptionGroup var data: DataDirectory

    @Argument(help: "The user's name.")
    var name: String

    func run() throws {
        try data.withUsers { try $0.remove(user: name) }
        let output = LineOutput()
        try output.write("removed \(name)")
        try output.flush()
    }
}
