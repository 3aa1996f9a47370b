public import ArgumentParser
public import Moldau

#if CONSOLE
    import MoldauConsole
#endif

/// `--console`: shows an example's application in a browser while it runs.
public struct ConsoleOption: ParsableArguments, Sendable {
    @Option(
        name: .customLong("console"),
        help: """
            Shows the application in a browser, at this port of this machine (0 takes a free one), and lets it run \
            until Control-C.
            """)
    public var port: Int?

    public init() {}

    public func validate() throws {
        guard let port else { return }
        guard 0...65_535 ~= port else { throw ValidationError("--console is a port, 0 to 65535, not \(port)") }
        #if !CONSOLE
            throw ValidationError("this program was built without the console: build it without MOLDAU_CONSOLE=0")
        #endif
    }

    /// Shows the application, which may be started later, and tells the page's address on standard error. Blocks until
    /// it can be opened.
    /// - Returns: nil without the option.
    /// - Throws: `ConsoleProblem`.
    public func show(_ app: StreamsApplication) throws(ConsoleProblem) -> ShownConsole? {
        #if CONSOLE
            guard let port else { return nil }
            return try ShownConsole(port: port) { onListening in
                try await StreamsConsole(app, at: .localhost(port), onListening: onListening).run()
            }
        #else
            return nil
        #endif
    }
}
