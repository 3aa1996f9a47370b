import Moldau
import MoldauTesting
import Testing

/// A processor that examples test: numbers the values of each key.
final class Numbered: Processor {
    static let numbers = KeyValueStoreName<String, Int>("numbers")
    static let storeDefinitions = [StoreDefinition(numbers)]
    private var context: ProcessorContext<String, String>?

    func start(_ context: ProcessorContext<String, String>) throws { self.context = context }

    func process(_ record: Record<String, String>) throws {
        let number = try context?.store(Self.numbers).update(record.key) { ($0 ?? 0) + 1 }.new ?? 0
        let value = "\(number) \(record.value)"
        try context?.forward(Record(key: record.key, value: value, timestamp: record.timestamp))
    }
}

/// The environment that the examples in the documentation run in: sources that they may use by name, and the data in
/// their comments.
///
/// A comment `// orders: o1=ada 120, o2=bob 30` pipes records into a source, or states the results since the last such
/// line. A record is `key=value`, or `key@20=value` at 20 seconds; `nil` is a null; `none` means no record at all.
/// Times of results are compared only if the comment states them.
final class Example {
    let streams: StreamsBuilder
    /// The topology of an example that builds one itself.
    var topology = Topology()

    // Sources
    lazy var lines = stream("lines", String.self)
    lazy var clicks = stream("clicks", String.self)
    lazy var orders = stream("orders", Order.self)
    lazy var payments = stream("payments", Int.self)
    lazy var deposits = stream("deposits", Int.self)
    lazy var withdrawals = stream("withdrawals", Int.self)
    /// Cities, keyed by customer.
    lazy var customers = streams.table(input("customers", String.self))
    lazy var phones = streams.table(input("phones", String.self))
    lazy var balances = streams.table(input("balances", Int.self))
    lazy var openOrders = streams.table(input("openOrders", Order.self))
    /// Titles, keyed by page.
    lazy var titles = streams.globalTable(input("titles", String.self))

    /// What examples record in other ways.
    lazy var notes = Notes<String>()

    // Topics
    lazy var shouted = Topic<String, String>("shouted")
    lazy var totals = Topic<String, Int>("totals")

    private var inputs: [String: (TopologyTestDriver, ExampleRecord) throws -> Void] = [:]
    private var outputs: [String: (TopologyTestDriver) throws -> [ExampleRecord]] = [:]

    private static let notesPrefix = "notes: "

    init(_ streams: StreamsBuilder) { self.streams = streams }

    private func stream<Value: StreamCodable & LosslessStringConvertible>(
        _ name: String, _: Value.Type
    ) -> KStream<String, Value> { streams.stream(input(name, Value.self)) }

    private func input<Value: StreamCodable & LosslessStringConvertible>(
        _ name: String, _: Value.Type
    ) -> Topic<String, Value> {
        let topic = Topic<String, Value>(name)
        note(name, topic)
        return topic
    }

    private func note<Key: LosslessStringConvertible, Value: LosslessStringConvertible>(
        _ name: String, _ topic: Topic<Key, Value>
    ) {
        inputs[name] = { driver, record in
            let key = try record.key.map { try #require(Key($0), "\($0) is not a \(Key.self)") }
            let value = try record.value.map { try #require(Value($0), "\($0) is not a \(Value.self)") }
            try driver.pipe(topic, key: key, value: value, at: Timestamp(ms: (record.second ?? 0) * 1_000))
        }
    }

    // MARK: Results

    /// Lets the data refer to a stream.
    func show<Key, Value>(_ name: String, _ stream: KStream<Key, Value>) {
        let log = Notes<ExampleRecord>()
        let _: KStream<Key, Value> = stream.adding(named: "shows-\(name)", prefix: "") { _ in
            Inlet { log.add(ExampleRecord($0)) }
        }
        outputs[name] = { _ in log.take() }
    }

    func show<Key, Value>(_ name: String, _ stream: KStream<Key, Value>?) { if let stream { show(name, stream) } }

    /// Lets the data refer to a table's changes.
    func show<Key, Value>(_ name: String, _ table: KTable<Key, Value>) { show(name, table.toStream()) }

    /// Lets the data refer to a topic that the topology reads or writes.
    func show<Key: LosslessStringConvertible, Value: LosslessStringConvertible>(
        _ name: String, _ topic: Topic<Key, Value>
    ) {
        note(name, topic)
        showWritten(name, topic)
    }

    func show<Key, Value>(_ name: String, _ topic: Topic<Key, Value>) { showWritten(name, topic) }

    private func showWritten<Key, Value>(_ name: String, _ topic: Topic<Key, Value>) {
        outputs[name] = { driver in try driver.read(from: topic).map { ExampleRecord($0) } }
    }

    // MARK: Running

    /// Builds a topology, or uses the one that `declare` builds, and runs the data through it line by line.
    static func run(_ data: String, _ declare: (Example) throws -> Void) throws {
        var example: Example?
        let built = Result {
            try Topology { streams in
                example = Example(streams)
                if let example { try declare(example) }
            }
        }
        let made = try #require(example)
        let topology = try made.topology.nodes.isEmpty ? built.get() : made.topology
        let lines = data.split(separator: "\n").filter { !$0.hasPrefix(notesPrefix) }
        let names = try lines.map { try ExampleRecord.parse(String($0)).name }
        try made.follow(data, through: try TopologyTestDriver(topology, topics: names))
    }

    private func follow(_ data: String, through driver: TopologyTestDriver) throws {
        for line in data.split(separator: "\n") {
            if line.hasPrefix(Self.notesPrefix) {
                #expect(notes.take().joined(separator: ", ") == line.dropFirst(Self.notesPrefix.count))
                continue
            }
            let (name, records) = try ExampleRecord.parse(String(line))
            guard try !give(records, to: name, of: driver) else { continue }
            let read = try #require(outputs[name], "\(name) is neither a source nor a result of the example")
            let found = try read(driver)
            let showsTimes = records.contains { $0.second != nil }
            #expect(
                found.map { $0.text(withTime: showsTimes) } == records.map { $0.text(withTime: showsTimes) }, "\(name)")
        }
    }

    /// - Returns: false if the topology reads no topic of that name.
    private func give(_ records: [ExampleRecord], to name: String, of driver: TopologyTestDriver) throws -> Bool {
        guard !records.isEmpty else { return false }
        if inputs[name] == nil { note(name, Topic<String, String>(name)) }
        guard let pipe = inputs[name] else { return false }
        do { for record in records { try pipe(driver, record) } } catch TestDriverError.unknownTopic { return false }
        return true
    }
}
