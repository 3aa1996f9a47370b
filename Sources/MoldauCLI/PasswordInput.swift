import Foundation

/// Reads passwords: never from the command line, where every program on the machine can see them.
enum PasswordInput {
    /// Prompts for the password on a terminal, twice and without echo; otherwise reads a line of the standard input.
    static func read(for user: String) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            guard let line = readLine(), !line.isEmpty else {
                throw CommandFailure("a line with the password of '\(user)' is expected on standard input")
            }
            return line
        }
        let first = try ask("password of \(user): ")
        if first.isEmpty { throw CommandFailure("a password must not be empty") }
        guard try ask("again: ") == first else { throw CommandFailure("the passwords differ; nothing was changed") }
        return first
    }

    private static func ask(_ question: String) throws -> String {
        FileHandle.standardError.write(Data(question.utf8))
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw CommandFailure("the password cannot be read from the terminal: \(String(cString: strerror(errno)))")
        }
        let before = settings
        settings.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) == 0 else {
            throw CommandFailure("the terminal would show the password: \(String(cString: strerror(errno)))")
        }
        defer {
            var restored = before
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &restored)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        return readLine() ?? ""
    }
}
