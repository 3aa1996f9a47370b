import MoldauCluster
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)

struct RemedyTests {
    /// The only place that decides how the runtime reacts to each error.
    @Test(arguments: [
        (ClusterError.diskFull(reason: ""), ClusterError.Remedy.retry),
        (.producerFenced(id: "app-1"), .resumeFromCommit),
        (.transactionAborted(id: "app-1", reason: ""), .resumeFromCommit),
        (.notMember(group: "app", reason: ""), .resumeFromCommit),
        (.offsetOutOfRange(words, requested: .zero, held: Offset(1)..<Offset(2)), .seek),
        (.recordTooLarge(words, bytes: 2, limit: 1), .splitBatch), (.invalidRecord(words, reason: ""), .splitBatch),
        (.unknownPartition(words, partitionCount: 0), .skip), (.topicExists("words"), .skip),
        (.invalidTopic(name: "", reason: ""), .skip), (.invalidSettings(topic: "words", reason: ""), .skip),
        (.unknownTopic("words"), .stopThread), (.unavailable(reason: ""), .stopThread), (.closed, .stopThread),
        (.groupInUse("app"), .stopApplication), (.offline(reason: ""), .stopApplication),
    ])
    func `each error has its remedy`(error: ClusterError, remedy: ClusterError.Remedy) {
        #expect(error.remedy == remedy)
    }
}
