import ExampleSupport
import Foundation
import Moldau

/// The program's topics, and the application's progress in them.
struct WordCountTopics {
    /// How many partitions the input topic has.
    let inputPartitionCount: Int32
    private let lag: ApplicationLag

    /// Creates missing topics. Input is kept for ever: the topic knows which lines have been counted.
    /// - Parameter partitionCount: for topics that do not exist yet; existing ones keep theirs.
    init(_ cluster: any Cluster, partitionCount: Int32) throws {
        let admin = try cluster.makeAdmin()
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

    /// Returns when everything is counted and the counts are written and committed. Blocks.
    func waitUntilCounted(_ progress: ProgressBar, while isAtWork: () -> Bool) throws {
        while isAtWork(), try !lag.isZero() {
            let lines = try lag.inputLag()
            progress.counting(left: lines.left, of: lines.all)
            Thread.sleep(forTimeInterval: 0.01)
        }
    }
}
