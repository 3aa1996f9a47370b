import ArgumentParser
import MoldauServer

/// `moldau users add`.
struct UsersAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Adds a user, or gives one a new password.",
        discussion: """
            Asks for the password, or reads a line with it from standard input if that is not a terminal. What is kept \
            is not the password, but salted hashes of it.
            """)

    @OptionGroup var data: DataDirectory

    @Argument(help: "The user's name.")
    var name: String

    func run() throws {
        let password = try PasswordInput.read(for: name)
        try data.withUsers(orCreate: true) { try $0.set(password: password, ofUser: name) }
        let output = LineOutput()
        try output.write("\(name) can log in")
        try output.flush()
    }
}
