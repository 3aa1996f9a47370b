import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

@Suite struct ClusterMapTests {
    private func map() -> ClusterMap {
        ClusterMap(
            ClientOptions(bootstrapServers: [BrokerAddress(host: "a", port: 1), BrokerAddress(host: "b", port: 2)]))
    }

    private func answer(
        _ topic: String = "t", leader: Int32 = 1, epoch: Int32 = 0, id: UInt64 = 1, partitions: Int32 = 1,
        error: ErrorCode = .none
    ) -> MetadataResponse {
        MetadataResponse {
            $0.brokers = [Int32(1), 2].map { node in
                .init {
                    $0.nodeID = node
                    $0.host = "n\(node)"
                    $0.port = 9_092
                }
            }
            $0.controllerID = 2
            $0.topics = [
                .init {
                    $0.name = topic
                    $0.errorCode = error
                    $0.topicID = TopicID(high: 1, low: id)
                    if error == .none {
                        $0.partitions = (0..<partitions).map { number in
                            .init {
                                $0.partitionIndex = number
                                $0.leaderID = leader
                                $0.leaderEpoch = epoch
                            }
                        }
                    }
                }
            ]
        }
    }

    @Test func `metadata is requested from the bootstrap addresses in turn, then from the brokers`() {
        var map = map()
        #expect(map.nextQuestion(.zero)?.source == .bootstrap(BrokerAddress(host: "a", port: 1)))
        #expect(map.nextQuestion(.zero) == nil, "one request at a time")
        map.failed(.zero, chance: 0.5)
        #expect(map.nextQuestion(.zero) == nil, "a pause follows a failure")
        #expect(map.nextTime(.zero) == .milliseconds(100))
        #expect(map.nextQuestion(.milliseconds(100))?.source == .bootstrap(BrokerAddress(host: "b", port: 2)))
        map.answered(answer(), .milliseconds(100), chance: 0.5)
        #expect(map.controller == 2 && map.brokers[1] == BrokerAddress(host: "n1", port: 9_092))
        #expect(map.nextQuestion(.seconds(1)) == nil)
        map.becomeStale()
        #expect(map.nextQuestion(.seconds(1))?.source == .node(1))
    }

    @Test func `metadata expires after its maximum age`() {
        var map = map()
        _ = map.nextQuestion(.zero)
        map.answered(answer(), .zero, chance: 0.5)
        #expect(map.nextTime(.seconds(1)) == .seconds(300))
        #expect(map.nextQuestion(.seconds(299)) == nil)
        #expect(map.nextQuestion(.seconds(300)) != nil)
    }

    @Test func `an older answer does not restore an old leader, but a recreated topic's answer is used`() {
        var map = map()
        let partition = TopicPartition("t", 0)
        map.answered(answer(leader: 2, epoch: 5), .zero, chance: 0.5)
        map.answered(answer(leader: 1, epoch: 4), .zero, chance: 0.5)
        #expect(map.leader(of: partition) == .init(node: 2, epoch: 5))
        map.answered(answer(leader: 1, epoch: 0, id: 2), .zero, chance: 0.5)
        #expect(map.leader(of: partition) == .init(node: 1, epoch: 0))
        #expect(map.leader(of: TopicPartition("t", 1)) == nil && map.leader(of: TopicPartition("u", 0)) == nil)
    }

    @Test func `an older answer does not remove partitions, but a recreated topic has its own partitions`() {
        var map = map()
        map.answered(answer(partitions: 12), .zero, chance: 0.5)
        map.answered(answer(partitions: 4), .zero, chance: 0.5)
        #expect(map.topics["t"]?.leaders == Array(repeating: .init(node: 1, epoch: 0), count: 12))
        map.answered(answer(id: 2, partitions: 4), .zero, chance: 0.5)
        #expect(map.topics["t"]?.leaders.count == 4)
    }

    @Test func `metadata of a missing topic, or of one without a leader, is requested again`() {
        var map = map()
        map.want("t")
        #expect(map.nextQuestion(.zero)?.topics == ["t"])
        map.answered(answer(error: .unknownTopicOrPartition), .zero, chance: 0.5)
        #expect(map.nextTime(.zero) == .milliseconds(100))
        _ = map.nextQuestion(.milliseconds(100))
        map.answered(answer(leader: -1), .milliseconds(100), chance: 0.5)
        #expect(map.leader(of: TopicPartition("t", 0))?.node == nil)
        #expect(map.nextTime(.milliseconds(100)) == .milliseconds(300), "pauses double")
        _ = map.nextQuestion(.milliseconds(300))
        map.answered(answer(error: .topicAuthorizationFailed), .milliseconds(300), chance: 0.5)
        #expect(map.nextTime(.milliseconds(300)) == .milliseconds(300) + .seconds(300), "this error is not transient")
    }

    @Test func `a topic is missing from the first answer that says so until one that knows it`() {
        var map = map()
        map.want("t")
        for second in 1...3 { map.answered(answer(error: .unknownTopicOrPartition), .seconds(second), chance: 0.5) }
        #expect(map.missing == ["t": .seconds(1) ... .seconds(3)])
        map.answered(answer(), .seconds(4), chance: 0.5)
        #expect(map.missing.isEmpty)
        // A topic is also missing if it is not in a list of all topics.
        map.wantAll(true)
        _ = map.nextQuestion(.seconds(5))
        map.answered(answer("other"), .seconds(5), chance: 0.5)
        #expect(map.missing == ["t": .seconds(5) ... .seconds(5)])
        map.failed(.seconds(6), chance: 0.5)
        #expect(map.missing.isEmpty, "a broker that has just started does not know all topics yet")
    }

    @Test func `metadata of a new topic is requested early, after the pause that follows an answer`() {
        var map = map()
        map.want("t")
        _ = map.nextQuestion(.zero)
        map.answered(answer(), .zero, chance: 0.5)
        map.want("t")
        #expect(map.nextTime(.zero) == .seconds(300), "the topic is not new")
        map.want("u")
        #expect(map.nextTime(.zero) == .milliseconds(100))
        #expect(map.nextQuestion(.milliseconds(99)) == nil)
        #expect(map.nextQuestion(.milliseconds(100))?.topics == ["t", "u"])
    }
}

@Suite struct RequestLineTests {
    @Test func `answers arrive in the order of the requests`() throws {
        var line = RequestLine<String>()
        let first = line.add(.fetch, version: 12, deadline: .seconds(1), "a")
        let unanswered = line.addUnanswered()
        let second = line.add(.produce, version: 9, deadline: .seconds(2), "b")
        #expect([first, unanswered, second] == [1, 2, 3])
        #expect(throws: RequestLine<String>.Refusal.outOfOrder(expected: 1, got: 3)) { try line.take(3) }
        #expect(try line.take(1).answer == "a")
        #expect(try line.take(3).version == 9)
        #expect(line.isEmpty)
        #expect(throws: RequestLine<String>.Refusal.unexpected(4)) { try line.take(4) }
    }

    @Test func `the earliest deadline is the next deadline`() throws {
        var line = RequestLine<Int>()
        _ = line.add(.joinGroup, version: 0, deadline: .seconds(300), 1)
        _ = line.add(.heartbeat, version: 0, deadline: .seconds(5), 2)
        #expect(line.nextDeadline == .seconds(5))
        #expect(line.late(at: .seconds(4)) == nil)
        #expect(line.late(at: .seconds(5))?.answer == 2)
        #expect(line.removeAll().map(\.answer) == [1, 2] && line.nextDeadline == nil)
    }

    @Test func `pauses double up to a limit, and vary by a fifth`() {
        var backoff = Backoff(first: .milliseconds(100), longest: .seconds(1))
        #expect(backoff.pause(chance: 0.5) == .milliseconds(100))
        #expect(backoff.pause(chance: 0) == .milliseconds(160))
        for _ in 0..<40 { _ = backoff.pause(chance: 0.5) }
        #expect(backoff.pause(chance: 0.5) == .seconds(1))
        backoff.reset()
        #expect(backoff.pause(chance: 0.5) == .milliseconds(100))
    }
}
