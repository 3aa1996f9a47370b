public import Foundation

/// A program of this package, as built with the tests.
public struct BuiltProgram: Sendable {
    public let url: URL

    /// - Parameter name: the product's name, `word-count` for example.
    public init(_ name: String) {
        url = Self.productsDirectory.appending(path: name)
    }

    /// A program of the operating system.
    public init(path: String) { url = URL(filePath: path) }

    /// The root of the repository.
    public static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static var productsDirectory: URL {
        #if os(macOS)
            let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
            return (bundle?.bundleURL ?? Bundle.main.bundleURL).deletingLastPathComponent()
        #else
            return URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        #endif
    }

    /// The result of a program's run.
    public struct Outcome: Sendable {
        public let status: Int32
        public let output: String
        public let errors: String
    }

    /// Starts the program, with a file as its input or no input. Output goes to files in `directory`.
    /// - Parameter workingDirectory: nil: that of the tests.
    public func start(
        _ arguments: [String], input: URL? = nil, in directory: URL, workingDirectory: URL? = nil
    ) throws -> RunningProgram {
        try RunningProgram(url, arguments, input: input, directory: directory, workingDirectory: workingDirectory)
    }

    /// Runs the program to its end. Blocks.
    @discardableResult
    public func run(_ arguments: [String], input: String? = nil) throws -> Outcome {
        try withTemporaryDirectory { directory in
            var file: URL?
            if let input {
                let url = directory.appending(path: "input")
                try Data(input.utf8).write(to: url)
                file = url
            }
            return try start(arguments, input: file, in: directory).wait()
        }
    }
}

/// A program that was started.
public final class RunningProgram {
    private let process: SpawnedProcess
    private let output: URL
    private let errors: URL

    init(_ program: URL, _ arguments: [String], input: URL?, directory: URL, workingDirectory: URL?) throws {
        let name = UUID().uuidString
        output = directory.appending(path: "\(name).out")
        errors = directory.appending(path: "\(name).err")
        try Data().write(to: output)
        try Data().write(to: errors)
        let files = [
            try input.map { try FileHandle(forReadingFrom: $0) }, try FileHandle(forWritingTo: output),
            try FileHandle(forWritingTo: errors),
        ]
        process = try SpawnedProcess(
            program.path, arguments, streams: files.map { $0?.fileDescriptor }, workingDirectory: workingDirectory?.path
        )
        for file in files { try file?.close() }
    }

    public var processIdentifier: Int32 { process.identifier }

    /// Kills it, as in a crash.
    public func kill() { process.send(SIGKILL) }

    /// Interrupts it, as Control-C does.
    public func interrupt() { process.send(SIGINT) }

    /// What it has printed so far.
    public func outputSoFar() throws -> String { String(decoding: try Data(contentsOf: output), as: UTF8.self) }

    /// The first line that it prints, or as much of it as there is after `limit`. Blocks.
    public func firstLine(within limit: Duration = .seconds(30)) throws -> String {
        let end = ContinuousClock.now + limit
        while try !outputSoFar().contains("\n"), ContinuousClock.now < end { usleep(2_000) }
        return String(try outputSoFar().prefix { $0 != "\n" })
    }

    /// What it has printed on standard error so far.
    public func errorsSoFar() throws -> String { String(decoding: try Data(contentsOf: errors), as: UTF8.self) }

    /// Waits until the program ends. Blocks.
    public func wait() throws -> BuiltProgram.Outcome {
        let status = process.wait()
        return BuiltProgram.Outcome(
            status: status,
            output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }
}

/// Provides a directory that exists while `body` runs.
public func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory)
}
