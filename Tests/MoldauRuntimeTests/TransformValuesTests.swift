import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// A table whose rows count how often each value was seen, in a store of the transformation.
struct TransformValuesTests {
    private let input = Topic<String, String>("input")
    private let output = Topic<String, String>("output")
    private let joined = Topic<String, String>("joined")
    private let stream = Topic<String, String>("stream")
    private let seen = KeyValueStoreName<String, Int64>("seen")

    @Test(arguments: [true, false])
    func `a transformation keeps state, and lookups call it too unless its result has a store`(isStored: Bool) throws {
        let store = isStored ? TableStoreName<String, String>("result") : nil
        let topology = try Topology { streams in
            streams.addStore(StoreDefinition(seen))
            let table = streams.table(input).transformValues(as: store, stores: [seen]) { context in
                let seen = try context.store(seen)
                return { _, value in
                    guard let value else { return nil }
                    let count = (try seen.get(value) ?? 0) + 1
                    try seen.put(value, count)
                    return "\(value)#\(count)"
                }
            }
            table.toStream().to(output)
            streams.stream(stream).join(table) { $0 + $1 }.to(joined)
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.pipe(input, key: "a", value: "x", at: Timestamp(ms: 1))
        try driver.pipe(input, key: "b", value: "x", at: Timestamp(ms: 2))
        try driver.pipe(input, key: "a", value: nil, at: Timestamp(ms: 3))
        #expect(try driver.read(from: output).map(\.value) == ["x#1", "x#2", nil])
        try driver.pipe(stream, key: "b", value: "found ", at: Timestamp(ms: 4))
        try driver.pipe(stream, key: "a", value: "found ", at: Timestamp(ms: 5))
        #expect(try driver.read(from: joined).map(\.value) == [isStored ? "found x#2" : "found x#3"])
    }

    @Test func `a store that a transformation does not declare cannot be used`() throws {
        let topology = try Topology { streams in
            streams.addStore(StoreDefinition(seen))
            streams.table(input).transformValues { context in
                let seen = try context.store(seen)
                return { key, _ in try seen.get(key).map(String.init) }
            }.toStream().to(output)
        }
        #expect(throws: TopologyError.storeNotConnected(node: "KTABLE-TRANSFORMVALUES-0000000003", store: "seen")) {
            try TopologyTestDriver(topology, state: .memory)
        }
    }
}
