import Logging
import MoldauCluster

/// Limits look-ups in the cluster for standby copies. Copies are maintained on a best-effort basis, and must not delay
/// tasks: a look-up has little time, and one that fails is retried after a pause.
struct StandbyLookup {
    /// How long a look-up may take.
    static var patience: Duration { .seconds(1) }
    /// The pause after a failure: many times as long, so that tasks have the thread for most of the time.
    static var pause: Duration { .seconds(10) }

    private let logger: Logger
    private var pausesUntil: Duration?

    init(_ logger: Logger) { self.logger = logger }

    /// Whether the last look-up failed.
    var hasFailed: Bool { pausesUntil != nil }

    /// Calls `ask`, unless in a pause. Of consecutive failures, the first is logged.
    /// - Throws: errors that are not the cluster's, or that end the application.
    mutating func attempt(now: Duration, _ ask: () throws -> Void) throws {
        if let pausesUntil, now < pausesUntil { return }
        do {
            try ask()
            pausesUntil = nil
        } catch let error as ClusterError where error.remedy != .stopApplication {
            if pausesUntil == nil { logger.warning("standby copies have to wait; this is tried again: \(error)") }
            pausesUntil = now + Self.pause
        }
    }
}
