package import Logging
package import MoldauBroker
internal import MoldauCluster
package import MoldauLog

/// Tells what upkeep could not do: once for each reason, not every few seconds, and when it is over.
package struct UpkeepFailures {
    private let logger: Logger
    /// Why a job failed the last time, and how often in a row.
    private var last: [UpkeepSchedule.Job: (reason: String, count: Int)] = [:]

    package init(_ logger: Logger) { self.logger = logger }

    /// Does a job, and takes note of how it went.
    package mutating func run<Files: FileSystem>(_ job: UpkeepSchedule.Job, of broker: Broker<Files>) {
        do throws(BrokerError) {
            try broker.run(job)
            guard let before = last.removeValue(forKey: job) else { return }
            logger.notice("upkeep goes on", metadata: ["job": "\(job)", "failures": "\(before.count)"])
        } catch .closed {
            // Somebody closes it just now.
        } catch {
            let reason = ClusterError(error).description
            let before = last[job]
            last[job] = (reason, (before?.count ?? 0) + 1)
            if before?.reason == reason { return }
            logger.error("upkeep failed; it is tried again", metadata: ["job": "\(job)", "reason": "\(reason)"])
        }
    }
}
