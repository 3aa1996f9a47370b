import Logging
import MoldauCluster

/// Questions to the cluster for standby copies. Copies are kept as well as it goes, and hold up no task: a question has
/// little time, and one that fails is asked again after a pause.
struct StandbyLookup {
    /// How long a question may take.
    static var patience: Duration { .seconds(1) }
    /// The pause after one that failed: many times as long, so that tasks have the thread for most of the time.
    static var pause: Duration { .seconds(10) }

    private let logger: Logger
    private var pausesUntil: Duration?

    init(_ logger: Logger) { self.logger = logger }

    /// Whether the last question failed.
    var hasFailed: Bool { pausesUntil != nil }

    /// Calls `ask`, unless a pause goes on. The first failure of several in a row is logged.
    /// - Throws: what is no error of the cluster, or one that ends the application.
    mutating func attempt(now: Duration, _ ask: () throws -> Void) throws {
        if let pausesUntil, now < pausesUntil { return }
        do {
            try ask()
            pausesUntil = nil
        } catch let error as ClusterError where error.remedy != .stopApplication {
            if pausesUntil == nil { logger.warning("standby copies have to wait; it is tried again: \(error)") }
            pausesUntil = now + Self.pause
        }
    }
}
