import Foundation
import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Synchronization
import Testing

struct ThreadMailboxTests {
    private static let first = TaskID(subtopology: 0, partition: Partition(0))
    private static let second = TaskID(subtopology: 0, partition: Partition(1))

    /// A thread that counts the records of two partitions, in one lane each, and calls `onRecord` for each record.
    private func counting(
        recordsPerTurn: Int = 2, onRecord: @escaping @Sendable (_ key: String) -> Void
    ) throws -> (thread: StreamThread, fixture: ClusterFixture) {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 2, "counts": 1])
        let topology = try Topology { streams in
            streams.stream(CountTopology.input).peek { key, _ in onRecord(key) }.groupByKey()
                .count(as: CountTopology.table).toStream().to(CountTopology.counts)
        }
        var configuration = StreamsConfiguration()
        configuration.recordsPerTurn = recordsPerTurn
        let thread = try fixture.thread(topology, configuration: configuration)
        try thread.runUntilIdle()
        return (thread, fixture)
    }

    /// The question that most tests post: the count of a key.
    private static func count(_ key: String, in task: TaskID) -> @Sendable (ThreadContents) throws -> Int64? {
        { contents in
            let stores = try contents.stores(of: task)
            return try stores.compactMap { $0 as? TimestampedKeyValueStore<String, Int64> }.first?.get(key)?.value
        }
    }

    @Test func `messages are answered in order, between batches, while records flow`() throws {
        func run() throws -> [String] {
            let seen = Gathered<String>()
            let posts = Gathered<@Sendable () -> Void>()
            let (thread, fixture) = try counting { key in
                seen.add(key)
                // Posted in the middle of a turn, as another thread might.
                if key == "b0" { posts.all.first?() }
            }
            let mailbox = thread.mailbox
            posts.add {
                for number in 1...2 {
                    mailbox.post(Self.count("b0", in: Self.first)) { answer in
                        seen.add("\(number): \((try? answer.get()) ?? -1)")
                    }
                }
            }
            for key in ["a0", "b0", "c0"] { try fixture.write("input", key, "x", at: 1) }
            for key in ["a1", "b1", "c1"] { try fixture.write("input", key, "x", at: 1, partition: 1) }
            mailbox.post(Self.count("a0", in: Self.first)) { answer in seen.add("0: \((try? answer.get()) ?? -1)") }
            try thread.runUntilIdle()
            try thread.close()
            return seen.all
        }
        // Two records per turn: the first question finds nothing counted, the next two find what the first turn has
        // counted.
        let expected = ["0: -1", "a0", "b0", "1: 1", "2: 1", "a1", "b1", "c0", "c1"]
        #expect(try run() == expected)
        #expect(try run() == expected)
    }

    @Test func `a drain takes sixteen messages, and the others do not wait for a poll`() throws {
        let answered = Gathered<Int>()
        let (thread, _) = try counting { _ in }
        for number in 0..<40 {
            thread.mailbox.post({ _ in number }) { answer in
                if let number = try? answer.get() { answered.add(number) }
            }
        }
        // One drain before the records, and one after each of the two lanes' turns.
        try thread.runOnce(now: Timestamp(ms: 0), wait: .seconds(600))
        #expect(answered.all == Array(0..<40))
        try thread.close()
    }

    @Test func `pending callers get an error when the thread ends, and so do later ones`() throws {
        let told = Gathered<String>()
        let (thread, _) = try counting { _ in }
        let mailbox = thread.mailbox
        let post = { mailbox.post({ _ in 1 }) { answer in told.add("\(answer)") } }
        post()
        try thread.stop(now: Timestamp(ms: 0))
        post()
        let ended = "\(Result<Int, any Error>.failure(ThreadMailboxError.threadEnded("app-StreamThread-1")))"
        #expect(told.all == [ended, ended])
    }

    @Test func `a thread that is dropped without a close fails its pending messages`() throws {
        let told = Gathered<Bool>()
        var thread: StreamThread? = try counting { _ in }.thread
        let mailbox = thread?.mailbox
        mailbox?.post({ _ in 1 }) { answer in told.add((try? answer.get()) == nil) }
        thread = nil
        #expect(told.all == [true])
    }

    @Test func `a full mailbox rejects the next message at once`() throws {
        let refused = Gathered<String>()
        let (thread, _) = try counting { _ in }
        for _ in 0...1_024 {
            thread.mailbox.post({ _ in }) { answer in
                if case .failure(let error) = answer { refused.add("\(error)") }
            }
        }
        #expect(refused.all == ["\(ThreadMailboxError.tooMany(thread: "app-StreamThread-1", waiting: 1_024))"])
        try thread.close()
    }

    @Test func `an error of a message goes to its sender, and the thread continues`() throws {
        let told = Gathered<String>()
        let (thread, _) = try counting { _ in }
        thread.mailbox.post({ _ -> Int in throw ClusterError.closed }) { answer in
            if case .failure(let error) = answer { told.add("\(error)") }
        }
        try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
        try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
        #expect(told.all == ["\(ClusterError.closed)"])
        try thread.close()
    }

    @Test func `a message for a task that has moved away is answered with an error`() throws {
        let told = Gathered<ThreadMailboxError>()
        let (thread, _) = try counting { _ in }
        thread.granted.active[Self.second] = nil
        try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
        for task in [Self.first, Self.second] {
            thread.mailbox.post(Self.count("a", in: task)) { answer in
                if case .failure(let error as ThreadMailboxError) = answer { told.add(error) }
            }
        }
        try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
        #expect(told.all == [.taskNotHere(Self.second, thread: "app-StreamThread-1")])
        try thread.close()
    }

    @Test func `a message wakes a thread that waits for records`() throws {
        let answered = Gathered<Bool>()
        let (thread, _) = try counting { _ in }
        let mailbox = thread.mailbox
        Thread {
            Thread.sleep(forTimeInterval: 0.05)
            mailbox.post({ _ in }) { _ in answered.add(true) }
        }.start()
        let began = ContinuousClock.now
        while answered.all.isEmpty { try thread.runOnce(now: Timestamp(ms: 0), wait: .seconds(600)) }
        #expect(ContinuousClock.now - began < .seconds(300))
        try thread.close()
    }

    /// Fails at every record whose value is "poison", while failing is switched on.
    private final class Poison: Sendable {
        private let isActive = Mutex(true)
        func heal() { isActive.withLock { $0 = false } }
        func check(_ value: String) throws {
            if value == "poison", isActive.withLock({ $0 }) { throw ClusterError.closed }
        }
    }

    @Test func `while a failed thread is replaced no caller hangs, and the new thread answers`() throws {
        let (fixture, poison) = (try ClusterFixture(), Poison())
        try fixture.create(["input": 1, "counts": 1])
        let topology = try Topology { streams in
            streams.stream(CountTopology.input).peek { _, value in try poison.check(value) }.groupByKey()
                .count(as: CountTopology.table).toStream().to(CountTopology.counts)
        }
        var configuration = StreamsConfiguration()
        configuration.onUncaughtError = { _ in .replaceThread }
        let engine = StreamsEngine(
            applicationID: "app", topology: topology, configuration: configuration, stateDirectory: nil,
            clock: { RoundTime(Timestamp(ms: 0), uptime: ContinuousClock.now - Self.start) },
            openCluster: { [cluster = fixture.cluster] in cluster })
        try engine.start()
        let (posted, answers) = (Gathered<String>(), Gathered<String>())
        func ask() throws -> String {
            let number = answers.all.count
            posted.add("a")
            engine.post(to: Self.first, Self.count("a", in: Self.first)) { answer in
                switch answer {
                case .success(let count): answers.add("\(count ?? 0)")
                case .failure: answers.add("none")
                }
            }
            guard try eventually({ answers.all.count > number }) else { return "hangs" }
            return answers.all[number]
        }
        try fixture.write("input", "a", "x", at: 1)
        #expect(try eventually { try ask() == "1" })
        try fixture.write("input", "a", "poison", at: 2)
        #expect(try eventually { try ask() == "none" })
        poison.heal()
        #expect(try eventually { try ask() == "2" })
        engine.stop()
        engine.waitUntilEnded()
        #expect(try ask() == "none")
        #expect(answers.all.count == posted.all.count)
    }

    private static let start = ContinuousClock.now

    @Test func `each sender's messages arrive in order, and none is lost when the mailbox closes`() throws {
        let mailbox = Mailbox<(poster: Int, number: Int)>(wake: {})
        let (refused, isDone) = (Gathered<Int>(), Gathered<Int>())
        for poster in 0..<4 {
            Thread {
                for number in 0..<500 {
                    do { try mailbox.post((poster, number)) } catch { refused.add(poster) }
                }
                isDone.add(poster)
            }.start()
        }
        var taken: [(poster: Int, number: Int)] = []
        while taken.count < 1_000 { taken += mailbox.take(upTo: 7) }
        taken += mailbox.close()
        #expect(try eventually { isDone.all.count == 4 })
        for poster in 0..<4 {
            let numbers = taken.filter { $0.poster == poster }.map(\.number)
            #expect(numbers == Array(0..<numbers.count))
        }
        #expect(taken.count + refused.all.count == 2_000)
        #expect(throws: MailboxRefusal.closed) { try mailbox.post((0, 0)) }
    }
}
