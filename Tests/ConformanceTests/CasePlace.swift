import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology

/// Where a case runs: it is fed step by step, and each step ends when all of its results are processed.
protocol CasePlace {
    /// Writes a record to a topic that the topology reads.
    func pipe(topic: String, key: [UInt8]?, value: [UInt8]?, at timestamp: Timestamp, headers: Headers) throws
    func advanceWallClock(by duration: Duration) throws
    /// Runs `body` where the stores may be read.
    func read<Answer: Sendable>(_ body: @escaping @Sendable (any CaseStores) throws -> Answer) throws -> Answer
    var drops: [DropKey: Int64] { get }
    func close() throws
}

extension CasePlace {
    /// What Kafka Streams' metric `dropped-records-total` would show.
    var kafkaDroppedRecords: Int64 {
        drops.reduce(0) { $1.key.reason.countsInKafkaStreams ? $0 + $1.value : $0 }
    }
}

/// The test driver.
struct DriverPlace: CasePlace {
    private let driver: TopologyTestDriver

    init(_ topology: Topology, applicationID: String, wallClock: Timestamp, options: CaseOptions) throws {
        driver = try TopologyTestDriver(
            topology, applicationID: applicationID,
            state: options.storeKind == .rocksDB ? .temporaryDirectory : .memory, wallClock: wallClock)
        driver.writesStoresAtCommit = options.writesStoresAtCommit
    }

    func pipe(topic: String, key: [UInt8]?, value: [UInt8]?, at timestamp: Timestamp, headers: Headers) throws {
        try driver.pipe(topic: topic, key: key, value: value, at: timestamp, headers: headers)
    }

    func advanceWallClock(by duration: Duration) throws { try driver.advanceWallClock(by: duration) }
    func read<Answer: Sendable>(_ body: @escaping @Sendable (any CaseStores) throws -> Answer) throws -> Answer {
        try body(driver)
    }
    var drops: [DropKey: Int64] { driver.drops }
    func close() throws { try driver.close() }
}

extension TopologyTestDriver: CaseStores {}
