import Moldau
import MoldauRuntime
import MoldauTopology
import Testing

/// A process that restarts under its instance id, and gets the share of the previous process from the group.
struct StaleShareTests {
    private static let all = [
        TaskID(subtopology: 0, partition: Partition(0)), TaskID(subtopology: 0, partition: Partition(1)),
    ]

    /// Runs a process that gets these shares, until it has these tasks and has requested this many divisions.
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

    private func share(revoked: [String]? = nil, terms: DivisionTerms? = nil) -> MemberShare {
        var share = MemberShare(active: [Self.all[0]])
        (share.revoked, share.terms) = (revoked, terms)
        return share
    }

    private func terms(
        tasks: [TaskID] = all, stateful: Set<TaskID> = Set(all), standbys: Int = 0, host: String? = nil,
        tags: [String: String]? = nil
    ) -> DivisionTerms {
        var member = MemberReport(process: "p", host: host)
        member.tags = tags
        return DivisionTerms(GroupDivision.Work(tasks: tasks, stateful: stateful, standbys: standbys), for: member)
    }

    @Test func `a division that the previous process owed is requested`() async throws {
        try await expect(Self.all, after: 2, getting: share(revoked: ["0_1"], terms: terms()))
    }

    @Test func `a new division is requested if the share was made by other terms`() async throws {
        let others = [
            terms(tasks: [Self.all[0]]), terms(stateful: []), terms(standbys: 1), terms(host: "before:9092"),
            terms(tags: ["zone": "a"]),
        ]
        for terms in others { try await expect(Self.all, after: 2, getting: share(terms: terms)) }
    }

    @Test func `a share with the same terms or without terms is kept`() async throws {
        try await expect([Self.all[0]], after: 1, getting: share(terms: terms()))
        try await expect([Self.all[0]], after: 1, getting: share())
    }

    @Test func `if the new share has other terms too, no further division is requested`() async throws {
        let other = share(terms: terms(tasks: [Self.all[0]]))
        try await expect([Self.all[0]], after: 2, getting: other, other)
    }

    @Test func `a task that is assigned and revoked while a thread is busy is released, then assigned again`()
        async throws
    {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 2])
        let (held, first) = (Held(), share())
        let topology = try Topology { streams in
            streams.stream(Topic<String, String>("input")).peek { _, _ in held.wait() }.forEach { _, _ in }
        }
        let cluster = SharedCluster(fixture.cluster, [first])
        let app = StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(cluster, stateDirectory: nil))
        try await app.started()
        try fixture.write("input", "a", "x", at: 1)
        #expect(try eventually { held.isReached })
        try cluster.hand(MemberShare(active: Self.all))
        try cluster.hand(share(revoked: ["0_1"]))
        #expect(cluster.divisions == 1)
        held.release()
        #expect(try eventually { cluster.divisions == 2 && app.threads.flatMap(\.tasks).sorted() == Self.all })
        try await app.stopped()
    }
}
