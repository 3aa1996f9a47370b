import MoldauBroker
import MoldauLog
import MoldauRecords

private let orders = TopicPartition("orders", 0)

/// Sends the broker a request, and collects its answer.
func answer(
    _ broker: Broker<some FileSystem>, _ request: GroupRequest
) -> Told<Result<GroupAnswer, BrokerError>> {
    let told = Told<Result<GroupAnswer, BrokerError>>()
    broker.ask(request) { told.add($0) }
    return told
}

func join(_ group: String = "app", offering name: String = "range") -> GroupRequest {
    .join(
        GroupRequest.Join(
            group: group, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberID: "", protocolType: "consumer",
            protocols: [GroupProtocol(name, [1])], client: GroupClient(id: "client", host: "/127.0.0.1"),
            requiresMemberID: false))
}

func commit(_ offset: Int64, _ member: MemberGeneration? = nil) -> GroupRequest {
    .commit(
        GroupRequest.Commit(
            member ?? MemberGeneration(group: "app", generation: -1, memberID: ""),
            [CommittedPosition(orders, Offset(offset), leaderEpoch: 4)]))
}

let committed = GroupAnswer.commit([GroupAnswer.Partition(orders, .none)])

/// A broker whose callbacks run only when the test runs them.
func openQuiet<Files: FileSystem>(
    _ files: Files, durability: Durability = .sync, uptime: @escaping @Sendable () -> Duration = { .zero }
) throws -> Broker<Files> {
    try Broker(files, directory: "data", durability: durability, clock: noon, uptime: uptime, callbacks: .byHand)
}

/// Fetches the committed offset of `orders`.
let fetch = GroupRequest.fetch(
    GroupRequest.Fetch(MemberGeneration(group: "app", generation: -1, memberID: ""), [orders]))
