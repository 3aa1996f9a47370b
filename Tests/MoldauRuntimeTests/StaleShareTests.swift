import Moldau
import MoldauRuntime
import MoldauTopology
import Testing

/// A process that is started again under its instance id, and to which the group hands the share of the one before.
struct StaleShareTests {
    private static let all = [
        TaskID(subtopology: 0, partition: Partition(0)), TaskID(subtopology: 0, partition: Partition(1)),
    ]

    /// Runs a process that gets these shares, until it has these tasks and has asked so often.
    private func expect(
        _ tasks: [TaskID], after divisions: Int, getting shares: MemberShare...
    ) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 2, "counts": 1])
        let cluster = SharedCluster(fixture.cluster, shares)
        let app = StreamsApplication(
            id: "app", topology: try CountTopology.make(), cluster: .cluster(cluster, stateDirectory: nil))
        try await app.started()
        #expect(
            try eventually {
                app.state == .running && app.threads.flatMap(\.tasks).sorted() == tasks
                    && cluster.divisions == divisions
            })
        try await app.stopped()
        #expect(cluster.divisions == divisions)
    }

    private func share(revoked: [String]? = nil, taskCounts: [Int: Int]? = nil) -> MemberShare {
        var share = MemberShare(active: [Self.all[0]])
        (share.revoked, share.taskCounts) = (revoked, taskCounts)
        return share
    }

    @Test func `a division that the one before owed is asked for`() async throws {
        try await expect(Self.all, after: 2, getting: share(revoked: ["0_1"]))
    }

    @Test func `tasks that are new since the division are asked for`() async throws {
        try await expect(Self.all, after: 2, getting: share(taskCounts: [0: 1]))
    }

    @Test func `a share that is still right is kept`() async throws {
        try await expect([Self.all[0]], after: 1, getting: share(taskCounts: [0: 2, 1: 7]))
    }

    @Test func `whoever divides without all tasks is asked only once more`() async throws {
        let known = share(taskCounts: [0: 1])
        try await expect([Self.all[0]], after: 2, getting: known, known)
    }
}
