import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

// Whether a new leader has the records that were fetched from the previous one.
extension FetchMachineTests {
    /// A machine that has fetched records of epoch 3 up to offset 6, of a leader of epoch 4, and has returned those up
    /// to 4.
    private func readInEpoch3(_ change: (inout ConsumerOptions) -> Void = { _ in }) throws -> FetchMachine {
        var machine = machine(change)
        machine.seek(partition, to: Offset(2))
        fetch(["a", "b"], at: 2, &machine)
        fetch(["c", "d"], at: 4, &machine)
        let chunk = try #require(try machine.take())
        machine.advance(chunk, to: chunk.next, nil)
        return machine
    }

    /// Has the machine fetch records of epoch 3 from a leader of epoch 4.
    private func fetch(_ values: [String], at offset: Int64, _ machine: inout FetchMachine) {
        var bytes = batch(values, at: offset)
        withUnsafeBytes(of: Int32(3).bigEndian) { bytes.replaceSubrange(12..<16, with: $0) }
        guard case .fetch(_, let number, _)? = actions(&machine, epoch: 4).first else {
            Issue.record("nothing is fetched")
            return
        }
        _ = machine.fetched(number, .success(answer(bytes)), .zero, chance: 0.5)
    }

    /// The machine's requests to the leader of an epoch.
    private func actions(
        _ machine: inout FetchMachine, epoch: Int32, _ now: Duration = .zero
    ) -> [FetchMachine.Action] { machine.next(now, map(leader: 1, epoch: epoch), at: time).actions }

    /// Expects the machine to check where epoch 3 ends, and answers it.
    private func check(
        _ machine: inout FetchMachine, epoch: Int32 = 5, end: Int64, endEpoch: Int32 = 3, error: ErrorCode = .none
    ) throws -> [FetchMachine.Action] {
        guard case .endOfEpoch(1, let number, let request)? = actions(&machine, epoch: epoch).first else {
            Issue.record("no request to the new leader")
            return []
        }
        let asked = request.topics[0].partitions[0]
        #expect(asked.currentLeaderEpoch == epoch && asked.leaderEpoch == 3 && request.topics[0].topic == "t")
        #expect(actions(&machine, epoch: epoch).isEmpty, "one request at a time")
        let response = OffsetForLeaderEpochResponse {
            $0.topics = [
                .init {
                    $0.topic = "t"
                    $0.partitions = [
                        .init { ($0.errorCode, $0.leaderEpoch, $0.endOffset) = (error, endEpoch, Offset(end)) }
                    ]
                }
            ]
        }
        return machine.checked(number, .success(response), .zero, chance: 0.5)
    }

    /// The offset that is fetched from the leader of an epoch; nil if none is.
    private func fetched(_ machine: inout FetchMachine, epoch: Int32 = 5) -> Int64? {
        guard case .fetch(_, _, let request)? = actions(&machine, epoch: epoch).first else { return nil }
        return request.topics[0].partitions[0].fetchOffset.value
    }

    @Test func `a new leader is checked once for the fetched records`() throws {
        var machine = try readInEpoch3()
        #expect(try check(&machine, end: 6).isEmpty)
        #expect(fetched(&machine) == 6)
        #expect(try values(try machine.take()) == ["c", "d"])
        // The leader that they were fetched from is not checked.
        var same = try readInEpoch3()
        #expect(fetched(&same, epoch: 4) == 6)
        // No leader is checked before anything is fetched.
        var other = try readInEpoch3()
        other.seek(partition, to: Offset(1))
        #expect(fetched(&other) == 1)
    }

    @Test func `each new leader is checked`() throws {
        var machine = try readInEpoch3()
        #expect(try check(&machine, end: 6).isEmpty)
        #expect(try check(&machine, epoch: 6, end: 9).isEmpty)
        // A recreated topic begins with epoch 0.
        #expect(try check(&machine, epoch: 0, end: 9).isEmpty)
        #expect(fetched(&machine, epoch: 0) == 6)
    }

    @Test func `records that a new leader does not have are read again from the end of its log`() throws {
        var machine = try readInEpoch3()
        #expect(try check(&machine, end: 3).isEmpty)
        #expect(try machine.take() == nil, "the fetched records are discarded")
        #expect(fetched(&machine) == 3)
        var strict = try readInEpoch3 { $0.offsetReset = .none }
        #expect(try check(&strict, end: 3).isEmpty)
        let error = #expect(throws: ClientError.self) { try strict.take() }
        #expect("\(error.map { "\($0)" } ?? "")".contains("lacks records that were read, from offset 3 on"))
        #expect(fetched(&strict) == nil)
    }

    @Test func `unreturned records of a chunk that was already taken are fetched again`() throws {
        for returned in [2, 3] as [Int64] {
            var machine = try readInEpoch3()
            machine.seek(partition, to: Offset(2))
            fetch(["a", "b", "c"], at: 2, &machine)
            let chunk = try #require(try machine.take())
            machine.advance(chunk, to: chunk.next, nil)
            #expect(try check(&machine, end: 4).isEmpty)
            #expect(machine.places[partition]?.position == Offset(4))
            machine.giveBack(chunk, from: Offset(returned))
            #expect(fetched(&machine) == returned)
        }
    }

    @Test func `records that were not returned yet are fetched again without an error`() throws {
        var machine = try readInEpoch3 { $0.offsetReset = .none }
        #expect(try check(&machine, end: 5).isEmpty)
        #expect(try machine.take() == nil)
        #expect(fetched(&machine) == 4)
    }

    @Test func `a leader that does not know the epoch causes an offset reset`() throws {
        var machine = try readInEpoch3 { $0.offsetReset = .earliest }
        #expect(try check(&machine, end: -1, endEpoch: -1).isEmpty)
        guard case .listOffsets? = actions(&machine, epoch: 5).first else {
            Issue.record("the first offset is not requested")
            return
        }
    }

    @Test func `if the leader has changed again, the next one is checked after a pause`() throws {
        var machine = try readInEpoch3()
        guard case .refresh? = try check(&machine, end: -1, error: .fencedLeaderEpoch).first else {
            Issue.record("metadata is not requested")
            return
        }
        #expect(actions(&machine, epoch: 6, .milliseconds(99)).isEmpty)
        guard case .endOfEpoch? = actions(&machine, epoch: 6, .milliseconds(100)).first else {
            Issue.record("no request to the next leader")
            return
        }
    }

    @Test func `a broker that does not return the ends of epochs is read from without a check`() throws {
        var machine = try readInEpoch3()
        #expect(try check(&machine, end: -1, error: .topicAuthorizationFailed).isEmpty)
        #expect(fetched(&machine) == 6)
        machine = try readInEpoch3()
        guard case .endOfEpoch(_, let number, _)? = actions(&machine, epoch: 5).first else {
            Issue.record("no request to the new leader")
            return
        }
        let unsupported = ClientError.refused(.unsupportedVersion, "to return the ends of epochs")
        #expect(machine.checked(number, .failure(unsupported), .zero, chance: 0.5).isEmpty)
        #expect(fetched(&machine) == 6)
    }
}
