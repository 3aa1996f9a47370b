public import ArgumentParser
import Logging
public import Moldau

/// The options that all examples share.
public struct EngineOptions: ParsableArguments {
    @Option(help: "What a crash may do: at-least-once (nothing is lost, some may count twice) or exactly-once.")
    public var guarantee = Guarantee.atLeastOnce

    @Option(
        help: """
            When a write is acknowledged: sync (on disk; the default with --data), os (handed to the operating \
            system), or a number of milliseconds within which it is on disk.
            """)
    public var durability: DurabilityOption?

    @Option(help: "Milliseconds between commits.")
    public var commitInterval = 100

    @Option(help: "Milliseconds between writes of the state to disk: they bound what a restart replays.")
    public var writeBehindInterval = 60_000

    @Option(help: "How many threads work. With --data the first run decides how many can be useful.")
    public var threads = 1

    public init() {}

    public func validate() throws {
        guard 1...1_000 ~= threads else { throw ValidationError("--threads is 1 to 1000, not \(threads)") }
        let day = 1...86_400_000
        for (option, value) in [("commit", commitInterval), ("write-behind", writeBehindInterval)]
        where !day.contains(value) {
            throw ValidationError("--\(option)-interval is 1 millisecond to a day (86400000), not \(value)")
        }
    }

    public var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee.processing
        configuration.commitInterval = .milliseconds(commitInterval)
        configuration.writeBehindInterval = .milliseconds(writeBehindInterval)
        configuration.streamThreads = threads
        return configuration
    }

    /// - Parameter keepsData: whether the data outlives the program.
    public func durability(keepsData: Bool) -> Durability { durability?.durability ?? (keepsData ? .sync : .os) }

    /// From now on only errors are logged.
    public static func quieten() {
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = .error
            return handler
        }
    }
}

/// What a crash may do to the results.
public enum Guarantee: String, ExpressibleByArgument, CaseIterable, Sendable {
    case atLeastOnce = "at-least-once"
    case exactlyOnce = "exactly-once"

    /// The same guarantee in the application's configuration.
    public var processing: ProcessingGuarantee { self == .exactlyOnce ? .exactlyOnce : .atLeastOnce }
}

/// `sync`, `os`, or a number of milliseconds.
public struct DurabilityOption: ExpressibleByArgument, Sendable {
    public let durability: Durability

    public init?(argument: String) {
        switch argument {
        case "sync": durability = .sync
        case "os": durability = .os
        default:
            guard let number = Int(argument), number > 0 else { return nil }
            durability = .interval(.milliseconds(number))
        }
    }
}
