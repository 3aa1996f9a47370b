import Logging
import Synchronization

/// What was logged, in order.
package final class GatheredLog: Sendable {
    private struct Entry {
        let line: String
        let detailedLine: String
    }

    private let entries = Mutex<[Entry]>([])

    private let level: Logger.Level

    /// - Parameter level: lower levels are left out.
    package init(level: Logger.Level = .info) { self.level = level }

    /// Each as `level: message`.
    package var all: [String] { entries.withLock { $0.map(\.line) } }

    /// Each as `level message name=value …`.
    package var detailed: [String] { entries.withLock { $0.map(\.detailedLine) } }

    package var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: GatheredLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level

        init(log: GatheredLog) { (self.log, logLevel) = (log, log.level) }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let entry = Entry(
                line: "\(event.level): \(event.message)",
                detailedLine: "\(event.level) \(event.message) \(details.joined(separator: " "))")
            log.entries.withLock { $0.append(entry) }
        }
    }
}
