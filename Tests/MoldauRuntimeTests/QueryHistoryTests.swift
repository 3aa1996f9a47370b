import Foundation
import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Synchronization
import Testing

/// Queries of an application under load while its threads are added, removed and fail, and while it stops or fails as a
/// whole and is restarted. Afterwards the answers are compared with the changelog.
///
/// `QUERY_SECONDS` sets the duration; `make query-history` runs for a minute.
struct QueryHistoryTests {
    private static let time = Duration.seconds(
        ProcessInfo.processInfo.environment["QUERY_SECONDS"].flatMap { Int64($0) } ?? 3)
    private static let readers = 6
    /// Each reader must see the application at more positions than this.
    private static let leastPositions = 10

    @Test func `committed answers match the changelog at their position, and never go back for a reader`()
        async throws
    {
        let bench = try QueryBench()
        try await bench.start()
        let histories = try await withThrowingTaskGroup(of: [TakenAnswer].self) { group in
            for reader in 0..<Self.readers {
                group.addTask { try await bench.ask(as: reader) }
            }
            let trouble = try await Self.cause(bench, until: ContinuousClock.now + Self.time)
            bench.isOver.store(true, ordering: .relaxed)
            #expect(trouble.isSuperset(of: QueryBench.Trouble.allCases), "\(trouble)")
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await bench.stop()
        let changelog = try bench.changelog()
        for history in histories { #expect(complaints(about: history, changelog, bench.inputs) == []) }
        // Each reader got answers, and saw changes.
        for history in histories {
            #expect(Set(history.filter { !$0.isStale }.map(\.positions)).count > Self.leastPositions)
        }
    }

    /// Writes continuously, and causes one trouble after another.
    /// - Returns: the troubles that were caused.
    private static func cause(
        _ bench: QueryBench, until end: ContinuousClock.Instant
    ) async throws -> Set<QueryBench.Trouble> {
        var caused: Set<QueryBench.Trouble> = []
        var random = SeededGenerator(seed: 11)
        let pause = Self.time / 20
        // A busy machine takes longer until the readers have seen enough.
        while ContinuousClock.now < end || caused.count < QueryBench.Trouble.allCases.count
            || (0..<readers).contains(where: { bench.positionsSeen(by: $0) <= leastPositions })
                && ContinuousClock.now < end + .seconds(60)
        {
            let next = ContinuousClock.now + pause
            while ContinuousClock.now < next {
                for _ in 0..<8 { try bench.write(&random) }
                try await Task.sleep(for: .milliseconds(1))
            }
            let left = QueryBench.Trouble.allCases.filter { !caused.contains($0) }
            let trouble = (left.isEmpty ? QueryBench.Trouble.allCases : left).randomElement(using: &random)
            guard let trouble else { continue }
            if try await bench.cause(trouble) { caused.insert(trouble) }
        }
        return caused
    }

    // MARK: Checks

    private func complaints(
        about history: [TakenAnswer], _ changelog: [String: [ChangelogRow]], _ inputs: [String: [Offset]]
    ) -> [String] {
        var seen: [TopicPartition: Offset] = [:]
        var complaints: [String] = []
        for answer in history {
            let rows = changelog[answer.key] ?? []
            let expected: ChangelogRow?
            if let lag = answer.lag.first {
                expected = rows.prefix(ofSorted: { $0.offset < lag.position }).last
                if !answer.allowsStale || !answer.position.isEmpty { complaints.append("\(answer) is stale") }
            } else {
                let position = answer.position[answer.input] ?? .zero
                expected = rows.prefix(ofSorted: { $0.input < position }).last
                let count = (inputs[answer.key] ?? []).prefix(ofSorted: { $0 < position }).count
                if expected?.count ?? 0 != count { complaints.append("\(answer): \(count) were written") }
                if position < seen[answer.input] ?? .zero { complaints.append("\(answer): went back") }
                if Set(answer.position.keys) != [answer.input], answer.value != nil || !answer.position.isEmpty {
                    complaints.append("\(answer) is about other partitions")
                }
                seen[answer.input] = position
            }
            if answer.value != expected?.value {
                complaints.append("\(answer): the changelog has \(expected?.value ?? "nothing")")
            }
        }
        return Array(complaints.prefix(5))
    }
}

extension Array {
    /// The leading elements for which `holds` is true, of an array where it is false for all later ones.
    fileprivate func prefix(ofSorted holds: (Element) -> Bool) -> ArraySlice<Element> {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return self[..<low]
    }
}

/// An answer that a reader got.
private struct TakenAnswer: Sendable, CustomStringConvertible {
    let key: String
    let value: String?
    let position: [TopicPartition: Offset]
    let lag: [StoreLag]
    let allowsStale: Bool

    var partition: Int32 { QueryBench.partition(of: key) }
    var input: TopicPartition { TopicPartition(QueryBench.visits.name, partition) }
    var isStale: Bool { !lag.isEmpty }
    var positions: [Int64] { position.values.map(\.value) }
    var description: String { "\(key)=\(value ?? "nothing") at \(position) lag \(lag)" }
}

/// A record of the changelog: how many records of the key there were, and the offset of the last of them.
private struct ChangelogRow {
    let offset: Offset
    let value: String
    var count: Int { Int(value.split(separator: " ")[0]) ?? 0 }
    var input: Offset { Offset(Int64(value.split(separator: " ")[1]) ?? 0) }
}

/// An application, and the troubles that are caused to it.
private final class QueryBench: Sendable {
    enum Trouble: CaseIterable { case threadAdded, threadRemoved, threadFailed, restarted, failedAndRestarted }

    static let visits = Topic<String, String>("visits")
    /// The value has the number of visits, and the offset of the last one.
    private static let lastVisits = TableStoreName<String, String>("last-visits")
    private static let partitions: Int32 = 4
    private static let keys = (0..<12).map { "k\($0)" }

    private struct Inner {
        var application: StreamsApplication?
        var written: [Int32: Int64] = [:]
        var inputs: [String: [Offset]] = [:]
    }

    /// Whether readers must end.
    let isOver = Atomic(false)
    private let cluster: EmbeddedClusterAccess
    private let inner = Mutex(Inner())
    private let positions = Mutex<[Int: Set<[Int64]>]>([:])
    /// The response to the failure that the next record of any thread causes.
    private let failure = Mutex<UncaughtErrorResponse?>(nil)
    private let response = Mutex(UncaughtErrorResponse.replaceThread)

    private struct Failure: Error {}

    init() throws {
        cluster = try EmbeddedClusterAccess()
        try cluster.use { try $0.create([Self.visits.name: Self.partitions]) }
    }

    static func partition(of key: String) -> Int32 {
        Array(key.utf8).withUnsafeBytes { Partitioner.partition(ofKey: $0, count: partitions).number }
    }

    /// The offsets of each key's records.
    var inputs: [String: [Offset]] { inner.withLock { $0.inputs } }

    private var application: StreamsApplication {
        get throws {
            let application = inner.withLock { $0.application }
            return try #require(application)
        }
    }

    // MARK: The application

    private func topology() throws -> Topology {
        try Topology { streams in
            _ = streams.stream(Self.visits).groupByKey()
                .aggregate("0 0", as: Self.lastVisits) { [self] row, _, offset in
                    try failIfAsked()
                    row = "\((Int(row.prefix { $0 != " " }) ?? 0) + 1) \(offset)"
                }
        }
    }

    private func failIfAsked() throws {
        guard let how = failure.withLock({ $0.take() }) else { return }
        response.withLock { $0 = how }
        throw Failure()
    }

    func start() async throws {
        var configuration = StreamsConfiguration()
        (configuration.guarantee, configuration.streamThreads, configuration.standbys) = (.exactlyOnce, 3, 1)
        (configuration.commitInterval, configuration.writeBehindInterval) = (.milliseconds(20), .milliseconds(50))
        configuration.recordsPerTurn = 4
        configuration.transactionTimeout = .seconds(600)
        configuration.onUncaughtError = { [self] _ in response.withLock { $0 } }
        let application = StreamsApplication(
            id: "app", topology: try topology(),
            cluster: .cluster(cluster.cluster, stateDirectory: cluster.stateDirectory), configuration: configuration)
        try await application.started()
        inner.withLock { $0.application = application }
    }

    func stop() async throws { try await application.stopped() }

    /// - Returns: whether it was possible.
    func cause(_ trouble: Trouble) async throws -> Bool {
        let application = try application
        switch trouble {
        case .threadAdded:
            return (try? await application.addThread()) != nil
        case .threadRemoved:
            return (try? await application.removeThread()) != nil
        case .threadFailed: failure.withLock { $0 = .replaceThread }
        case .restarted:
            try await stop()
            try await start()
        case .failedAndRestarted:
            failure.withLock { $0 = .stopClient }
            var random = SeededGenerator(seed: 1)
            let hasFailed = try await eventuallyInTasks {
                try write(&random)
                return application.state.isOver
            }
            #expect(hasFailed)
            try? await stop()
            try await start()
        }
        return true
    }

    // MARK: Records

    /// Writes a record of any key, whose value is its own offset.
    func write(_ random: inout SeededGenerator) throws {
        guard let key = Self.keys.randomElement(using: &random) else { return }
        let partition = Self.partition(of: key)
        let offset = inner.withLock { inner in
            let offset = inner.written[partition, default: 0]
            inner.written[partition] = offset + 1
            inner.inputs[key, default: []].append(Offset(offset))
            return offset
        }
        try cluster.use { try $0.write(Self.visits.name, key, "\(offset)", at: offset, partition: partition) }
    }

    /// The committed records of the changelog, by key.
    func changelog() throws -> [String: [ChangelogRow]] {
        var rows: [String: [ChangelogRow]] = [:]
        for partition in 0..<Self.partitions {
            let place = TopicPartition("app-\(Self.lastVisits.name)-changelog", partition)
            try cluster.use { fixture in
                try fixture.consumer.assign([place])
                try fixture.consumer.seek(place, to: .zero)
                while let batches = try fixture.consumer.poll(wait: .zero).first {
                    var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                    while let record = try reader.next() {
                        let value = try String.serde.read(record.value)
                        rows[try String.serde.read(record.key), default: []].append(
                            ChangelogRow(offset: record.offset, value: value))
                    }
                }
            }
        }
        return rows
    }

    // MARK: Readers

    /// The number of positions at which a reader has seen the application so far.
    func positionsSeen(by reader: Int) -> Int { positions.withLock { $0[reader]?.count ?? 0 } }

    /// Queries continuously, whatever happens to the application.
    /// - Returns: the answers.
    func ask(as number: Int) async throws -> [TakenAnswer] {
        var random = SeededGenerator(seed: UInt64(number))
        var answers: [TakenAnswer] = []
        var seen: [TopicPartition: Offset] = [:]
        while !isOver.load(ordering: .relaxed) {
            guard let key = Self.keys.randomElement(using: &random) else { break }
            var options = QueryOptions()
            options.timeout = .seconds(1)
            options.allowsStale = Int.random(in: 0..<3, using: &random) == 0
            if Bool.random(using: &random) { options.atLeast = seen }
            do {
                let answer = try await application.store(Self.lastVisits, options).get(key)
                let taken = TakenAnswer(
                    key: key, value: answer.value?.value, position: answer.position, lag: answer.lag,
                    allowsStale: options.allowsStale)
                if !taken.isStale {
                    seen.merge(answer.position) { $1 }
                    positions.withLock { _ = $0[number, default: []].insert(taken.positions) }
                }
                answers.append(taken)
            } catch let error as QueryError {
                switch error {
                case .restoring, .timedOut, .notRunning, .tooMany: try await Task.sleep(for: .milliseconds(1))
                default: throw error
                }
            }
        }
        return answers
    }
}

/// A fixture that several tasks use, one at a time.
private final class EmbeddedClusterAccess: Sendable {
    let cluster: any ClusterPort
    let stateDirectory: String
    private let fixture: Mutex<ClusterFixture>

    init() throws {
        let fixture = try ClusterFixture()
        (cluster, stateDirectory) = (fixture.cluster, fixture.directory)
        self.fixture = Mutex(fixture)
    }

    func use<Result: Sendable>(_ body: (ClusterFixture) throws -> Result) rethrows -> Result {
        try fixture.withLock { try body($0) }
    }
}
