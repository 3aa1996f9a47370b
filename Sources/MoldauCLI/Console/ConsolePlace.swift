import ArgumentParser
import Foundation

/// The options that say which application's console to use.
struct ConsolePlace: ParsableArguments {
    @Option(
        name: .customLong("console"),
        help: "The address of the application's console: http://HOST:PORT, or https.")
    var address = "http://127.0.0.1:8080"

    @Option(
        name: .customLong("token-file"),
        help: "A file with the console's token, if it requires one. Without it MOLDAU_CONSOLE_TOKEN is used.")
    var tokenFile: String?

    @Option(
        name: .customLong("certificate-authority"),
        help: "A PEM file with the authorities to check the console's certificate with; without it the system's.")
    var authority: String?

    /// The client for the given console.
    /// - Throws: `CommandFailure` for an invalid address, or a file that cannot be read.
    func client() throws(CommandFailure) -> ConsoleClient {
        guard let url = URLComponents(string: address), let host = url.host, !host.isEmpty,
            url.scheme == "http" || url.scheme == "https", url.path.isEmpty || url.path == "/", url.query == nil
        else { throw CommandFailure("--console takes http://HOST:PORT or https://HOST:PORT, not '\(address)'") }
        let isSecure = url.scheme == "https"
        return ConsoleClient(
            host: host.trimmingCharacters(in: ["[", "]"]), port: url.port ?? (isSecure ? 443 : 80), isSecure: isSecure,
            authority: authority, token: try token())
    }

    private func token() throws(CommandFailure) -> String? {
        guard let tokenFile else { return ProcessInfo.processInfo.environment["MOLDAU_CONSOLE_TOKEN"] }
        guard let data = FileManager.default.contents(atPath: tokenFile), data.count <= 65_536 else {
            throw CommandFailure("the token file '\(tokenFile)' cannot be read")
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
