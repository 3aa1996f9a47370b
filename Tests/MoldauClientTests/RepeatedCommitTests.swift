import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

/// Commits of offsets that the coordinator first refuses.
@Suite struct RepeatedCommitTests {
    private static let passing: [ErrorCode] = [.notCoordinator, .coordinatorLoadInProgress, .requestTimedOut]

    private let cluster = FakeCoordinator()
    private let partition = TopicPartition("t", 0)
    private let options = ConsumerOptions(group: "g")

    private func count(_ api: ApiKey) -> Int { cluster.seen.filter { $0.api == api }.count }

    /// Commits as a blocking call on a thread.
    private func commit() async throws {
        let (consumer, partition) = (try BatchConsumer(options, cluster.client, cluster), partition)
        let nobody = ConsumerGroupMetadata(group: "g", generation: -1, memberID: "", instanceID: nil)
        try await onThread {
            defer { consumer.close() }
            try consumer.commit([partition: .init(Offset(1))], as: nobody)
        }
    }

    @Test(arguments: passing)
    func `a commit is retried after a transient error, at a new coordinator if there is one`(code: ErrorCode)
        async throws
    {
        cluster.fail(.offsetCommit, .refused(code))
        try await commit()
        #expect(count(.offsetCommit) == 2)
        #expect(count(.findCoordinator) == (code == .notCoordinator ? 2 : 1))
    }

    @Test(arguments: passing)
    func `a consumer's commit is retried likewise`(code: ErrorCode) async throws {
        cluster.fail(.offsetCommit, .refused(code))
        let session = try ConsumerSession(options, nil, cluster.client, cluster)
        try await session.commit([partition: Offset(1)])
        #expect(count(.offsetCommit) == 2)
        #expect(count(.findCoordinator) == (code == .notCoordinator ? 2 : 1))
    }

    @Test func `a permanently refused commit is not retried`() async throws {
        cluster.fail(.offsetCommit, .refused(.unknownMemberID))
        await #expect(throws: ClientError.self) { try await commit() }
        #expect(count(.offsetCommit) == 1)
    }
}
