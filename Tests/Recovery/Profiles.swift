import Foundation
import Moldau

/// The measured application: a table of profiles, one per user, whose bytes cannot be compressed.
enum Profiles {
    static let applicationID = "profiles"
    /// Which user's profile changes, and its new first bytes.
    static let changes = Topic<Int64, Int64>("changes")
    static let store = TableStoreName<Int64, [UInt8]>("profiles")
    static var changelog: TopicPartition { TopicPartition("\(applicationID)-\(store.name)-changelog", 0) }

    static func topology(valueBytes: Int) throws -> Topology {
        try Topology { streams in
            _ = streams.stream(changes).groupByKey().aggregate([], as: store) { profile, user, seed in
                fill(&profile, UInt64(bitPattern: user &* 31 &+ seed), count: valueBytes)
            }
        }
    }

    private static func fill(_ bytes: inout [UInt8], _ seed: UInt64, count: Int) {
        if bytes.count != count { bytes = [UInt8](repeating: 0, count: count) }
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        bytes.withUnsafeMutableBytes { buffer in
            for place in stride(from: 0, to: count, by: 8) {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                withUnsafeBytes(of: state) { word in
                    for (offset, byte) in word.prefix(count - place).enumerated() { buffer[place + offset] = byte }
                }
            }
        }
    }

    /// Creates the input topic if it does not exist.
    static func createTopic(_ cluster: any Cluster) throws {
        let admin = try cluster.makeAdmin()
        defer { admin.close() }
        guard try admin.describe([changes.name]).isEmpty else { return }
        try admin.create([NewTopic(changes.name, partitionCount: 1, configuration: ["retention.ms": "-1"])])
    }

    /// Writes changes of users, in the order of `users`. Blocks until they are acknowledged.
    static func write(_ users: some Sequence<Int64>, on cluster: any Cluster) throws {
        let producer = try cluster.port.makeProducer(clientID: "recovery")
        defer { producer.close() }
        var builder = RecordBatchBuilder()
        func send() throws {
            guard !builder.isEmpty else { return }
            try producer.send(builder.finish(), to: TopicPartition(changes.name, 0))
            builder.reset()
        }
        for user in users {
            withUnsafeBytes(of: user.bigEndian) { bytes in
                builder.append(key: bytes, value: bytes, timestamp: Timestamp(ms: user))
            }
            if builder.byteCount >= 64 << 10 { try send() }
        }
        try send()
        try producer.flush()
    }

    /// The number of rows that the store has on disk, and a digest of all of them. The application must not be running.
    static func digest(stateDirectory: String) throws -> (rows: Int, digest: UInt64) {
        let memory = StateMemory(budgetBytes: 64 << 20)
        let environment = StoreEnvironment(directory: "\(stateDirectory)/\(applicationID)/0_0", memory: memory)
        defer { environment.close() }
        let opened = try StoreDefinition(store).open(in: environment)
        guard let rows = opened as? TimestampedKeyValueStore<Int64, [UInt8]> else { return (0, 0) }
        defer { try? rows.close() }
        var (count, digest): (Int, UInt64) = (0, 0xcbf2_9ce4_8422_2325)
        func add(_ byte: UInt8) { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let entries = try rows.all()
        while let entry = try entries.next() {
            count += 1
            for number in [entry.key, entry.value.timestamp.ms] { withUnsafeBytes(of: number) { $0.forEach(add) } }
            entry.value.value.forEach(add)
        }
        return (count, digest)
    }
}
