package import Logging
package import MoldauBroker
internal import MoldauCluster
package import MoldauLog

/// Logs failures of upkeep: once for each reason, not every few seconds, and when they have ended.
package struct UpkeepFailures {
    private let logger: Logger
    /// The reason of each job's last failure, and how often in a row it has failed.
    private var last: [UpkeepSchedule.Job: (reason: String, count: Int)] = [:]

    package init(_ logger: Logger) { self.logger = logger }

    /// Runs a job, and records its outcome.
    package mutating func run<Files: FileSystem>(_ job: UpkeepSchedule.Job, of broker: Broker<Files>) {
        do throws(BrokerError) {
            try broker.run(job)
            guard let before = last.removeValue(forKey: job) else { return }
            logger.notice("upkeep works again", metadata: ["job": "\(job)", "failures": "\(before.count)"])
        } catch .closed {
            // The broker is being closed.
        } catch {
            let reason = ClusterError(error).description
            let before = last[job]
            last[job] = (reason, (before?.count ?? 0) + 1)
            if before?.reason == reason { return }
            logger.error("upkeep failed; it will be tried again", metadata: ["job": "\(job)", "reason": "\(reason)"])
        }
    }
}
