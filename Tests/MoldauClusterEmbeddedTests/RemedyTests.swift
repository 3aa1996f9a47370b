import MoldauCluster
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)

struct RemedyTests {
    /// The only place that decides how the runtime reacts to each error.
    @Test(arguments: [
        (ClusterError.diskFull(reason: ""), ClusterError.Remedy.retry), (.producerFenced(id: "app-1"), .beginAnew),
        (.transactionAborted(id: "app-1", reason: ""), .beginAnew), (.notMember(group: "app", reason: ""), .beginAnew),
        (.offsetOutOfRange(words, requested: .zero, held: Offset(1)..<Offset(2)), .seek),
        (.recordTooLarge(words, bytes: 2, limit: 1), .sendApart), (.invalidRecord(words, reason: ""), .sendApart),
        (.unknownPartition(words, partitionCount: 0), .leaveOut), (.topicExists("words"), .leaveOut),
        (.invalidTopic(name: "", reason: ""), .leaveOut), (.invalidSettings(topic: "words", reason: ""), .leaveOut),
        (.unknownTopic("words"), .stopThread), (.unavailable(reason: ""), .stopThread), (.closed, .stopThread),
        (.groupInUse("app"), .stopApplication), (.offline(reason: ""), .stopApplication),
    ])
    func `each error says what to do about it`(error: ClusterError, remedy: ClusterError.Remedy) {
        #expect(error.remedy == remedy)
    }
}
