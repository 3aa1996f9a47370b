import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

@Suite struct FetchMachineTests {
    let partition = TopicPartition("t", 0)
    let time = Timestamp(ms: 1_000_000)

    func machine(_ change: (inout ConsumerOptions) -> Void = { _ in }) -> FetchMachine {
        var options = ConsumerOptions()
        options.maxPartitionFetchBytes = 1_000
        change(&options)
        var machine = FetchMachine(options, ClientOptions(bootstrapServers: [BrokerAddress(host: "b", port: 1)]))
        machine.assign([partition])
        return machine
    }

    func map(leader: Int32 = 0, epoch: Int32 = -1) -> ClusterMap {
        var map = ClusterMap(ClientOptions(bootstrapServers: [BrokerAddress(host: "b", port: 1)]))
        var brokers = FakeBrokers(partitions: 1)
        brokers.leaders = [leader]
        var metadata = brokers.metadata
        metadata.topics[0].partitions[0].leaderEpoch = epoch
        map.answered(metadata, .zero, chance: 0.5)
        return map
    }

    func batch(
        _ values: [String], at offset: Int64, _ producer: ProducerStamp = .none
    ) -> [UInt8] {
        var builder = RecordBatchBuilder(capacity: 1_000)
        builder.producer = producer
        for value in values {
            Array(value.utf8).withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 1)) }
        }
        return moved([UInt8](builder.finish()), to: offset)
    }

    /// The base offset is outside of the checksum.
    private func moved(_ batch: [UInt8], to offset: Int64) -> [UInt8] {
        withUnsafeBytes(of: offset.bigEndian) { Array($0) } + batch[8...]
    }

    func answer(_ bytes: [UInt8], error: ErrorCode = .none, aborted: [(Int64, Int64)] = []) -> FetchResponse {
        FetchResponse {
            $0.responses = [
                .init {
                    $0.topic = "t"
                    $0.partitions = [
                        .init {
                            $0.errorCode = error
                            $0.highWatermark = Offset(100)
                            $0.lastStableOffset = Offset(100)
                            $0.records = .bytes(WireBytes(copying: bytes))
                            $0.abortedTransactions = aborted.map { producer, first in
                                .init {
                                    $0.producerID = producer
                                    $0.firstOffset = Offset(first)
                                }
                            }
                        }
                    ]
                }
            ]
        }
    }

    /// The fetch that the machine makes now: its node, number and offset.
    func fetch(_ machine: inout FetchMachine, _ now: Duration = .zero, leader: Int32 = 0) -> (
        Int32, Int, Int64
    )? {
        for action in machine.next(now, map(leader: leader), at: time).actions {
            if case .fetch(let node, let number, let request) = action {
                return (node, number, request.topics[0].partitions[0].fetchOffset.value)
            }
        }
        return nil
    }

    func values(_ chunk: FetchedChunk?) throws -> [String] {
        guard let chunk else { return [] }
        var reader = RecordBatchReader(chunk.bytes.bytes, from: chunk.from)
        var values: [String] = []
        while let record = try reader.next() {
            values.append(String(decoding: record.value ?? .init(start: nil, count: 0), as: UTF8.self))
        }
        return values
    }

    @Test func `it prefetches up to a limit, and continues when records are taken`() throws {
        var machine = machine()
        #expect(fetch(&machine) == nil, "no position is set")
        machine.seek(partition, to: Offset(5))
        let first = try #require(fetch(&machine))
        #expect(first == (0, 1, 5))
        #expect(fetch(&machine) == nil, "one fetch at a time")
        let large = String(repeating: "x", count: 600)
        _ = machine.fetched(1, .success(answer(batch([large], at: 5))), .zero, chance: 0.5)
        let second = try #require(fetch(&machine))
        #expect(second.2 == 6)
        _ = machine.fetched(second.1, .success(answer(batch([large], at: 6))), .zero, chance: 0.5)
        #expect(fetch(&machine) == nil, "the limit is reached")
        let chunk = try #require(try machine.take())
        #expect(chunk.from == Offset(5) && chunk.next == Offset(6))
        machine.advance(chunk, to: chunk.next, nil)
        #expect(machine.places[partition]?.position == Offset(6))
        #expect(fetch(&machine)?.2 == 7)
    }

    @Test(arguments: [1, 60, 62, 68])
    func `an incomplete batch at the end of an answer is left out, and fetched again`(byteCount: Int) throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let number = try #require(fetch(&machine)).1
        let whole = batch(["a", "b"], at: 0)
        let cut = whole + batch(["c"], at: 2).prefix(byteCount)
        _ = machine.fetched(number, .success(answer(cut)), .zero, chance: 0.5)
        let chunk = try #require(try machine.take())
        #expect(Array(chunk.bytes.bytes) == whole)
        #expect(fetch(&machine)?.2 == 2)
    }

    @Test func `records that were not returned are taken again`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer(batch(["a", "b", "c"], at: 0))), .zero, chance: 0.5)
        let chunk = try #require(try machine.take())
        machine.advance(chunk, to: Offset(1), chunk.rest(from: Offset(1), nil))
        #expect(try values(try machine.take()) == ["b", "c"])
    }

    @Test func `an answer from before a seek is discarded`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let number = try #require(fetch(&machine)).1
        machine.seek(partition, to: Offset(50))
        _ = machine.fetched(number, .success(answer(batch(["a"], at: 0))), .zero, chance: 0.5)
        #expect(try machine.take() == nil)
        #expect(fetch(&machine)?.2 == 50)
    }

    @Test func `after a leader change the new leader is fetched from, after a pause`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let number = try #require(fetch(&machine)).1
        let actions = machine.fetched(
            number, .success(answer([], error: .notLeaderOrFollower)), .zero, chance: 0.5)
        guard case .refresh? = actions.first else {
            Issue.record("metadata is not requested")
            return
        }
        #expect(fetch(&machine, .milliseconds(99), leader: 1) == nil)
        #expect(machine.next(.milliseconds(99), map(), at: time).due == .milliseconds(100))
        #expect(fetch(&machine, .milliseconds(100), leader: 1)?.0 == 1)
    }

    @Test(arguments: [nil, Duration.seconds(10)])
    func `a topic missing for longer than the patience is reported after the fetched records`(patience: Duration?)
        throws
    {
        var machine = machine { $0.missingTopicPatience = patience }
        machine.seek(partition, to: .zero)
        let (_, number, _) = try #require(fetch(&machine))
        _ = machine.fetched(number, .success(answer(batch(["a"], at: 0))), .zero, chance: 0.5)
        var map = map()
        let gone = MetadataResponse {
            $0.topics = [.init { ($0.name, $0.errorCode) = ("t", .unknownTopicOrPartition) }]
        }
        map.answered(gone, .seconds(1), chance: 0.5)
        map.answered(gone, .seconds(10), chance: 0.5)
        _ = machine.next(.seconds(20), map, at: time)
        #expect(machine.places[partition]?.error == nil, "the broker may have just started")
        map.answered(gone, .seconds(11), chance: 0.5)
        _ = machine.next(.seconds(20), map, at: time)
        #expect(try values(machine.take()) == ["a"])
        for second in [21, 22] {
            _ = machine.next(.seconds(second), map, at: time)
            let taken = Result { () throws(ClientError) in try machine.take()?.partition }
            #expect(taken == (patience == nil ? .success(nil) : .failure(.unknownTopic("t"))))
        }
    }

    @Test func `a topic without read access is reported`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        var map = ClusterMap(ClientOptions(bootstrapServers: [BrokerAddress(host: "b", port: 1)]))
        let refused = MetadataResponse {
            $0.topics = [.init { ($0.name, $0.errorCode) = ("t", .topicAuthorizationFailed) }]
        }
        map.answered(refused, .seconds(1), chance: 0.5)
        for second in 1...2 {
            _ = machine.next(.seconds(second), map, at: time)
            let error = #expect(throws: ClientError.self) { try machine.take() }
            #expect("\(error.map { "\($0)" } ?? "")".contains("TOPIC_AUTHORIZATION_FAILED"))
        }
    }

    @Test func `an offset out of range is reset or reported`() throws {
        var machine = machine { $0.offsetReset = .earliest }
        machine.seek(partition, to: Offset(9))
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer([], error: .offsetOutOfRange)), .zero, chance: 0.5)
        guard case .listOffsets(_, let question, let request)? = machine.next(.zero, map(), at: time).actions.first
        else {
            Issue.record("offsets are not requested")
            return
        }
        #expect(request.topics[0].partitions[0].timestamp == -2)
        let listed = ListOffsetsResponse {
            $0.topics = [
                .init {
                    $0.name = "t"
                    $0.partitions = [.init { $0.offset = Offset(3) }]
                }
            ]
        }
        _ = machine.listed(question, .success(listed), .zero, chance: 0.5)
        #expect(fetch(&machine)?.2 == 3)
        var strict = self.machine { $0.offsetReset = .none }
        strict.seek(partition, to: Offset(9))
        let other = try #require(fetch(&strict)).1
        _ = strict.fetched(other, .success(answer([], error: .offsetOutOfRange)), .zero, chance: 0.5)
        #expect(throws: ClientError.self) { try strict.take() }
        strict.seek(partition, to: .zero)
        #expect(try strict.take() == nil)
    }

    /// The last byte of a batch is changed.
    private func damaged(_ batch: [UInt8]) -> [UInt8] { batch.dropLast() + [batch[batch.count - 1] ^ 1] }

    @Test func `records before a damaged batch are returned first`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let bytes = batch(["a", "b"], at: 0) + damaged(batch(["c", "d"], at: 2)) + batch(["e"], at: 4)
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer(bytes)), .zero, chance: 0.5)
        let chunk = try #require(try machine.take())
        #expect(try values(chunk) == ["a", "b"] && chunk.next == Offset(2))
        machine.advance(chunk, to: Offset(1), chunk.rest(from: Offset(1), nil))
        #expect(try values(try machine.take()) == ["b"], "its remaining records are also returned before the error")
        machine.advance(chunk, to: chunk.next, nil)
        let error = #expect(throws: ClientError.self) { try machine.take() }
        #expect(error?.description.contains("t-0 at offset 2") == true)
        #expect(error?.description.contains("seek to 4") == true, "it names the offset after the batch")
    }

    @Test func `a damaged batch is reported once, and fetched again after a pause`() throws {
        var machine = machine()
        machine.seek(partition, to: Offset(2))
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer(damaged(batch(["c"], at: 2)))), .zero, chance: 0.5)
        #expect(fetch(&machine, .seconds(1)) == nil, "not before the error was reported")
        #expect(throws: ClientError.self) { try machine.take() }
        #expect(try machine.take() == nil && fetch(&machine, .milliseconds(99)) == nil)
        let again = try #require(fetch(&machine, .milliseconds(100)))
        #expect(again.2 == 2)
        _ = machine.fetched(again.1, .success(answer(batch(["c"], at: 2))), .milliseconds(100), chance: 0.5)
        #expect(try values(try machine.take()) == ["c"])
    }

    @Test func `after a failed read the broker is fetched from again, after a pause`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer([], error: .unknownServerError)), .zero, chance: 0.5)
        #expect(try machine.take() == nil && fetch(&machine, .milliseconds(99)) == nil)
        #expect(fetch(&machine, .milliseconds(100))?.2 == 0)
    }

    @Test(arguments: [ErrorCode.topicAuthorizationFailed, .corruptMessage])
    func `a permanent refusal is reported once per fetch, and the fetch is repeated`(code: ErrorCode) throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        var now = Duration.zero
        for pause in [100, 200] {
            let number = try #require(fetch(&machine, now)).1
            _ = machine.fetched(number, .success(answer([], error: code)), now, chance: 0.5)
            let error = #expect(throws: ClientError.self) { try machine.take() }
            if code == .corruptMessage, case .unreadable(partition, .zero, _)? = error {
                #expect(error?.description.contains("CORRUPT_MESSAGE") == true)
            } else {
                #expect(code == .topicAuthorizationFailed && error?.remedy == .change)
            }
            #expect(try machine.take() == nil && fetch(&machine, now) == nil)
            now += .milliseconds(pause)
        }
        let number = try #require(fetch(&machine, now)).1
        _ = machine.fetched(number, .success(answer(batch(["a"], at: 0))), now, chance: 0.5)
        #expect(try values(try machine.take()) == ["a"], "the access rule, or the segment, was repaired")
    }

    @Test func `refused offset requests are repeated`() throws {
        var machine = machine()
        machine.seek(partition, to: .first)
        let refused = ListOffsetsResponse {
            $0.topics = [
                .init {
                    $0.name = "t"
                    $0.partitions = [.init { $0.errorCode = .topicAuthorizationFailed }]
                }
            ]
        }
        for now in [Duration.zero, .milliseconds(100)] {
            guard case .listOffsets(_, let question, _)? = machine.next(now, map(), at: time).actions.first else {
                Issue.record("offsets are not requested")
                return
            }
            _ = machine.listed(question, .success(refused), now, chance: 0.5)
            #expect(throws: ClientError.self) { try machine.take() }
            #expect(try machine.take() == nil && machine.next(now, map(), at: time).actions.isEmpty)
        }
    }

    @Test func `a damaged batch is reported with its partition and offset`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        var bytes = batch(["a", "b"], at: 0)
        bytes[bytes.count - 1] ^= 1
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer(bytes)), .zero, chance: 0.5)
        let error = #expect(throws: ClientError.self) { try machine.take() }
        #expect("\(String(describing: error))".contains("t-0 at offset 0"))
    }

    @Test func `arbitrary bytes do not trap`() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2_000 {
            var machine = self.machine()
            machine.seek(partition, to: .zero)
            let number = try #require(fetch(&machine)).1
            var bytes = batch(["a", "b"], at: 0) + batch(["c"], at: 2)
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = machine.fetched(number, .success(answer(bytes)), .zero, chance: 0.5)
            let chunk: FetchedChunk? = (try? machine.take()) ?? nil
            _ = try? values(chunk)
        }
    }

    @Test func `records of aborted transactions are skipped`() throws {
        var machine = machine { $0.isolation = .readCommitted }
        machine.seek(partition, to: .zero)
        let (one, two) = (
            ProducerStamp(id: 1, epoch: 0, baseSequence: 0, isTransactional: true),
            ProducerStamp(id: 2, epoch: 0, baseSequence: 0, isTransactional: true)
        )
        let marker = TransactionMarker(isCommit: false).batch(of: one, at: Timestamp(ms: 1))
        let bytes = batch(["no"], at: 0, one) + batch(["yes"], at: 1, two) + moved(marker, to: 2)
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer(bytes, aborted: [(1, 0)])), .zero, chance: 0.5)
        let chunk = try #require(try machine.take())
        #expect(try values(chunk) == ["yes"] && chunk.next == Offset(3))
    }

    @Test func `a paused partition is neither fetched nor returned`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(answer(batch(["a"], at: 0))), .zero, chance: 0.5)
        machine.pause([partition], true)
        #expect(try machine.take() == nil && fetch(&machine) == nil)
        machine.pause([partition], false)
        #expect(try values(try machine.take()) == ["a"])
    }

    @Test func `a broker's throttle time is respected`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        var throttling = answer(batch(["a"], at: 0))
        throttling.throttleTimeMs = 300
        let number = try #require(fetch(&machine)).1
        _ = machine.fetched(number, .success(throttling), .zero, chance: 0.5)
        #expect(fetch(&machine, .milliseconds(299)) == nil)
        #expect(machine.next(.milliseconds(299), map(), at: time).due == .milliseconds(300))
        #expect(fetch(&machine, .milliseconds(300))?.2 == 1)
    }

    // MARK: Sessions

    /// The request that the machine makes now, and its number.
    private func request(_ machine: inout FetchMachine) -> (number: Int, FetchRequest)? {
        for action in machine.next(.zero, map(), at: time).actions {
            if case .fetch(_, let number, let request) = action { return (number, request) }
        }
        return nil
    }

    private func named(_ request: FetchRequest) -> [String] {
        request.topics.flatMap { topic in
            topic.partitions.map { "\(topic.topic)-\($0.partition)@\($0.fetchOffset.value)" }
        }
    }

    @Test func `within a session only changes are requested, and an empty answer is no error`() throws {
        var machine = machine()
        machine.seek(partition, to: .zero)
        let first = try #require(request(&machine))
        #expect(first.1.sessionID == 0 && first.1.sessionEpoch == 0 && named(first.1) == ["t-0@0"])
        var begun = answer(batch(["a"], at: 0))
        begun.sessionID = 9
        _ = machine.fetched(first.number, .success(begun), .zero, chance: 0.5)
        let second = try #require(request(&machine))
        #expect(second.1.sessionID == 9 && second.1.sessionEpoch == 1 && named(second.1) == ["t-0@1"])
        let nothing = FetchResponse { $0.sessionID = 9 }
        #expect(machine.fetched(second.number, .success(nothing), .zero, chance: 0.5).isEmpty)
        let third = try #require(request(&machine))
        #expect(third.1.sessionEpoch == 2 && named(third.1) == [])
        _ = machine.fetched(third.number, .success(answer(batch(["b"], at: 1))), .zero, chance: 0.5)
        let fourth = try #require(request(&machine))
        #expect(fourth.1.sessionEpoch == 3 && named(fourth.1) == ["t-0@2"] && fourth.1.forgottenTopicsData.isEmpty)
    }

    @Test func `a partition that is no longer read is removed from the session`() throws {
        var machine = machine()
        machine.assign([partition, TopicPartition("u", 0)])
        // The map has only one topic: the other one waits for its leader.
        machine.seek(partition, to: .zero)
        let first = try #require(request(&machine))
        var begun = answer([])
        begun.sessionID = 9
        _ = machine.fetched(first.number, .success(begun), .zero, chance: 0.5)
        machine.pause([partition], true)
        #expect(request(&machine) == nil)
        machine.pause([partition], false)
        var session = BrokerFetchSession()
        var made = FetchRequest()
        let entry = BrokerFetchSession.Entry(offset: .zero, leaderEpoch: 0)
        let other = TopicPartition("t", 1)
        #expect(session.begin(&made, [(partition, entry), (other, entry)]) == [partition, other])
        session.answered(begun)
        #expect(session.begin(&made, [(other, entry)]) == [])
        #expect(made.forgottenTopicsData.map(\.topic) == ["t"] && made.forgottenTopicsData[0].partitions == [0])
        session.answered(begun)
        made.forgottenTopicsData = []
        #expect(session.begin(&made, [(partition, entry), (other, entry)]) == [partition])
        #expect(made.sessionEpoch == 2 && made.forgottenTopicsData.isEmpty)
    }

    @Test func `a session that the broker has ended restarts at once, with all partitions`() throws {
        for (code, id) in [(ErrorCode.fetchSessionIDNotFound, Int32(0)), (.invalidFetchSessionEpoch, 9)] {
            var machine = machine()
            machine.seek(partition, to: .zero)
            var begun = answer(batch(["a"], at: 0))
            begun.sessionID = 9
            _ = machine.fetched(try #require(request(&machine)).number, .success(begun), .zero, chance: 0.5)
            let refused = FetchResponse { $0.errorCode = code }
            let number = try #require(request(&machine)).number
            #expect(machine.fetched(number, .success(refused), .zero, chance: 0.5).isEmpty)
            let next = try #require(request(&machine))
            #expect(next.1.sessionID == id && next.1.sessionEpoch == 0 && named(next.1) == ["t-0@1"])
            let lost = ClientError.disconnected(BrokerAddress(host: "b", port: 1), reason: "cut")
            _ = machine.fetched(next.number, .failure(lost), .zero, chance: 0.5)
            #expect(machine.sessions[0]?.isIncremental == false)
        }
    }
}
