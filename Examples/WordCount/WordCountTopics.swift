import ExampleSupport
import Foundation
import Moldau

/// The topics, and how far the application is with them.
struct WordCountTopics {
    /// How many partitions the input topic has.
    let inputPartitionCount: Int32
    private let lag: ApplicationLag

    /// Creates the topics that are not there. Input is kept for ever: it knows which lines are counted.
    /// - Parameter partitionCount: of topics that are not there; others keep theirs.
    init(_ cluster: any Cluster, partitionCount: Int32) throws {
        let admin = try cluster.makeAdmin(clientID: "word-count")
        defer { admin.close() }
        let (lines, counts) = (WordCountTopology.lines.name, WordCountTopology.counts.name)
        let found = try admin.describe([lines, counts])
        let wanted = [
            NewTopic(lines, partitionCount: partitionCount, configuration: ["retention.ms": "-1"]),
            NewTopic(counts, partitionCount: partitionCount, configuration: ["cleanup.policy": "compact"]),
        ]
        try admin.create(wanted.filter { found[$0.name] == nil })
        inputPartitionCount = found[lines]?.partitionCount ?? partitionCount
        lag = try ApplicationLag(cluster, applicationID: WordCountTopology.id, inputs: [lines])
    }

    /// Returns when everything is counted, and the counts are written and committed. Blocks.
    func waitUntilCounted(_ progress: ProgressBar, while isAtWork: () -> Bool) throws {
        while isAtWork(), try !lag.isZero() {
            let lines = try lag.inputLag()
            progress.counting(left: lines.left, of: lines.all)
            Thread.sleep(forTimeInterval: 0.01)
        }
    }
}
