import MoldauCluster
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)

struct RemedyTests {
    /// The only place that decides how the runtime reacts to each error.
    @Test(arguments: [
        (ClusterError.diskFull(reason: ""), ClusterError.Remedy.retry), (.producerFenced(id: "app-1"), .beginAnew),
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

    @Test func `a membership tells what was decided once, in order, and passes on that shares were let go`() async {
        let (released, count) = AsyncStream<Void>.makeStream()
        let membership = GroupMembership(assigned: .partitions([words]), release: { count.yield() }) {}
        membership.tell(.revoked(.partitions([words])))
        #expect(
            membership.takeEvents() == [.assigned(.partitions([words])), .revoked(.partitions([words]))])
        membership.released()
        membership.tell(.lost)
        #expect(membership.takeEvents() == [.lost])
        #expect(membership.takeEvents().isEmpty)
        count.finish()
        var releases = 0
        for await _ in released { releases += 1 }
        #expect(releases == 1)
    }
}
