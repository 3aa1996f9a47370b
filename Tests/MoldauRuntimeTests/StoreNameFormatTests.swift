import Moldau
import MoldauTesting
import Testing

/// Names of stores whose serdes differ from those that the store is written with.
struct StoreNameFormatTests {
    private static let topic = Topic("rows", key: String.serde, value: Serde<Int>.json)

    private static func reason(_ build: (StreamsBuilder) -> Void) -> String? {
        do {
            _ = try Topology { build($0) }
            return nil
        } catch { return "\(error)" }
    }

    private static func refusal(_ part: String, _ written: String, _ name: String) -> String {
        """
        sums: the \(part)s are in the format '\(written)', but the store's name has the format '\(name)'; give both \
        the same serde, with `\(part):`
        """
    }

    @Test func `a table of a topic has the topic's serdes`() {
        let (topic, name) = (Self.topic, TableStoreName<String, Int>("sums"))
        let expected = Self.refusal("value", "json", "int64")
        #expect(Self.reason { _ = $0.table(topic, as: name) } == expected)
        #expect(Self.reason { _ = $0.globalTable(topic, as: name) } == expected)
        #expect(Self.reason { $0.addReadOnlyStore(ReadOnlyStoreName("sums"), from: topic) } == expected)
        let same = TableStoreName("sums", key: topic.key, value: topic.value)
        #expect(Self.reason { _ = $0.table(topic, as: same) } == nil)
    }

    @Test func `an aggregate has its input's keys, and the values of its name`() {
        let name = TableStoreName("sums", key: Serde<String>.json, value: Int64.serde)
        let windows = WindowStoreName("sums", key: Serde<String>.json, value: Int64.serde)
        let expected = Self.refusal("key", "utf8", "json")
        #expect(Self.reason { _ = $0.stream(Self.topic).groupByKey().count(as: name) } == expected)
        #expect(
            Self.reason {
                _ = $0.stream(Self.topic).groupByKey().windowedBy(.tumbling(.seconds(1), grace: .zero)).count(
                    as: windows)
            } == expected)
        let json = TableStoreName("sums", key: String.serde, value: Serde<Int64>.json)
        #expect(Self.reason { _ = $0.stream(Self.topic).groupByKey().count(as: json) } == nil)
    }

    @Test func `the timestamps of a global table's rows can be extracted`() throws {
        let name = TableStoreName("sums", key: Self.topic.key, value: Self.topic.value)
        let topology = try Topology { streams in
            _ = streams.globalTable(Self.topic, as: name, timestamps: .custom { _, _ in Timestamp(ms: 7) })
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.pipe(Self.topic, key: "a", value: 1, at: Timestamp(ms: 1))
        #expect(try driver.store(name).get("a")?.timestamp == Timestamp(ms: 7))
    }
}
