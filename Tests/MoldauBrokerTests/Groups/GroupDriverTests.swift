import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

private let orders = TopicPartition("orders", 0)

struct GroupDriverTests {
    /// Makes a member of a new group, with a durable assignment, three seconds after the start.
    private func enter(
        _ group: String, _ broker: Broker<some FileSystem>, _ uptime: borrowing Mutex<Duration>
    ) throws -> MemberGeneration {
        let joined = answer(broker, join(group))
        #expect(joined.all.isEmpty)
        uptime.withLock { $0 = .seconds(3) }
        broker.callbacks.runDue()
        guard case .success(.join(let member))? = joined.all.first else { throw WrongAnswer() }
        let generation = MemberGeneration(group: group, generation: 1, memberID: member.memberID)
        let synced = answer(broker, .sync(GroupRequest.Sync(generation, assignments: [member.memberID: [7]])))
        broker.callbacks.runDue()
        #expect(synced.all.count == 1)
        return generation
    }

    @Test func `an answer waits for the sync, and its commit survives a restart`() throws {
        let files = MemoryFileSystem()
        var broker = try openQuiet(files)
        let told = answer(broker, commit(5))
        #expect(told.all.isEmpty)
        // The answer to a request made meanwhile waits, too.
        let read = answer(broker, fetch)
        #expect(read.all.isEmpty)
        broker.callbacks.runDue()
        #expect(told.all == [.success(committed)])
        #expect(read.all.count == 1)
        // Nothing waits for a sync: the answer is given at once.
        #expect(answer(broker, fetch).all == read.all)
        broker = try openBroker(files.copy())
        #expect(
            broker.committedOffsets(of: "app") == [
                orders: GroupOffset(offset: Offset(5), leaderEpoch: 4, metadata: "", time: noon())
            ])
    }

    @Test func `members continue after a restart, and expire if they are gone`() throws {
        let files = MemoryFileSystem()
        let uptime = Mutex(Duration.zero)
        var broker = try openQuiet(files, uptime: { uptime.withLock { $0 } })
        let generation = try enter("app", broker, uptime)
        broker = try openQuiet(files.copy(), uptime: { uptime.withLock { $0 } })
        let heartbeat = GroupRequest.heartbeat(GroupRequest.Heartbeat(generation))
        #expect(answer(broker, heartbeat).all == [.success(.heartbeat(.none))])
        uptime.withLock { $0 = .seconds(14) }
        broker.callbacks.runDue()
        let late = answer(broker, heartbeat)
        broker.callbacks.runDue()
        #expect(late.all == [.success(.heartbeat(.unknownMemberID))])
    }

    @Test func `after a failed write the groups are as on disk, and waiting requests fail`() throws {
        let files = CrashingFileSystem()
        let broker = try openQuiet(files)
        let first = answer(broker, commit(5))
        broker.callbacks.runDue()
        #expect(first.all == [.success(committed)])
        let waiting = answer(broker, join("other"))
        #expect(waiting.all.isEmpty)
        files.refuseWrites(to: ".log")
        let failed = answer(broker, commit(6))
        guard case .failure? = failed.all.first, case .failure? = waiting.all.first else { throw WrongAnswer() }
        files.refuseWrites(to: nil)
        let read = answer(broker, fetch)
        guard case .success(.fetch(let found))? = read.all.first else { throw WrongAnswer() }
        #expect(found.positions.map(\.offset?.offset) == [Offset(5)])
    }

    /// One timer ends the join of one group's member, whose answer waits for a commit that is not durable yet, and the
    /// session of another group's member, whose record cannot be written.
    @Test func `an answer waiting for its sync fails if a write of the same event fails`() throws {
        let files = CrashingFileSystem()
        let uptime = Mutex(Duration.zero)
        let broker = try openQuiet(files, uptime: { uptime.withLock { $0 } })
        _ = try enter("other", broker, uptime)
        let partition = try #require(
            try (0..<50).first {
                try broker.partition(TopicPartition("__consumer_offsets", $0)).bounds().upperBound > Offset(0)
            })
        let waiting = answer(broker, join())
        files.nextSync.withLock {
            $0 = {
                uptime.withLock { $0 = .seconds(20) }
                files.refuseWrites(to: "__consumer_offsets-\(partition)/00000000000000000000.log")
                broker.callbacks.runDue()
                files.refuseWrites(to: nil)
            }
        }
        try broker.commit([orders: GroupOffset(offset: Offset(3), metadata: "", time: noon())], of: "app")
        guard case .failure(.log)? = waiting.all.first else { throw WrongAnswer() }
    }

    @Test func `a request whose sync fails is answered with the failure`() throws {
        let files = FailingFileSystem()
        let broker = try openQuiet(files)
        files.syncs.withLock { $0.fail = true }
        let told = answer(broker, commit(5))
        broker.callbacks.runDue()
        guard case .failure(.storage(.offline))? = told.all.first else { throw WrongAnswer() }
    }

    @Test func `old client commits are deleted after a snapshot, and nothing is lost`() throws {
        let files = MemoryFileSystem()
        let broker = try openQuiet(files, durability: .os)
        let metadata = String(repeating: "x", count: 4_000)
        for offset in 0..<2_200 {
            let position = CommittedPosition(orders, Offset(Int64(offset)), metadata: metadata)
            let member = MemberGeneration(group: "app", generation: -1, memberID: "")
            let told = answer(broker, .commit(GroupRequest.Commit(member, [position])))
            #expect(told.all == [.success(committed)])
            broker.callbacks.runDue()
        }
        #expect(try broker.partition(TopicPartition("__consumer_offsets", 1)).bounds().lowerBound >= Offset(1_000))
        #expect(try openBroker(files.copy()).committedOffsets(of: "app")[orders]?.offset == Offset(2_199))
    }

    @Test func `the application and clients read each other's committed offsets`() throws {
        let broker = try openBroker(MemoryFileSystem(), durability: .os)
        try broker.commit([orders: GroupOffset(offset: Offset(3), metadata: "", time: noon())], of: "app")
        let producer = try broker.makeProducer("id", timeout: .seconds(60))
        try broker.commit(
            [orders: GroupOffset(offset: Offset(9), metadata: "", time: noon())], of: "app", "id", producer)
        let fetch = GroupRequest.Fetch(
            MemberGeneration(group: "app", generation: -1, memberID: ""), [orders], requiresStable: true)
        func position() throws -> GroupAnswer.Position {
            guard case .success(.fetch(let found))? = answer(broker, .fetch(fetch)).all.first else {
                throw WrongAnswer()
            }
            return try #require(found.positions.first)
        }
        #expect(try position().error == .unstableOffsetCommit)
        try broker.endTransaction("id", producer, commit: true)
        #expect(try position().offset?.offset == Offset(9))
        #expect(answer(broker, commit(10)).all == [.success(committed)])
        #expect(broker.committedOffsets(of: "app")[orders]?.offset == Offset(10))
    }

    /// A crash may lose a commit whose sync has not ended, so no client may have read it by then.
    @Test func `clients see the application's commits only once they are durable`() throws {
        let files = FailingFileSystem()
        let broker = try openQuiet(files)
        try broker.commit([orders: GroupOffset(offset: Offset(3), metadata: "", time: noon())], of: "app")
        #expect(answer(broker, fetch).all.count == 1)
        let asked = Mutex<[Told<Result<GroupAnswer, BrokerError>>]>([])
        files.syncs.withLock { syncs in
            syncs.onSync = { asked.withLock { $0.append(answer(broker, fetch)) } }
        }
        try broker.commit([orders: GroupOffset(offset: Offset(4), metadata: "", time: noon())], of: "app")
        files.syncs.withLock { $0.onSync = nil }
        let amid = try #require(asked.withLock { $0.first })
        #expect(amid.all.isEmpty)
        broker.callbacks.runDue()
        #expect(amid.all == answer(broker, fetch).all)
    }
}
