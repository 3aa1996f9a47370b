import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

/// The processing of a simulated application, and its expected output.
enum Workload: String, CaseIterable, Sendable {
    /// Each record is copied from one topic to another.
    case passThrough
    /// The words of lines are counted, through a repartition topic.
    case wordCount
    /// Counts in windows, emitted when the windows close: held back by a suppression.
    case suppressedWindows
    /// … held back by the aggregation itself.
    case closingWindows
    /// Counts in sessions, each change emitted.
    case sessions
    /// Orders, each joined with the row of its customer.
    case join
    /// Each record is copied from one topic to another after a delay of wall-clock time.
    case delayed
    /// Each record is copied from one topic to another, through a closure that may take long.
    case asynchronous
    /// Counts of words in windows, each change emitted; after a repartition topic that all partitions write to.
    case regroupedWindows
    /// Records of two streams whose times are near each other.
    case innerStreamJoin
    /// … and records of the first stream without a match.
    case leftStreamJoin
    /// … and records of both streams without a match.
    case outerStreamJoin
    /// Orders joined with their customers' rows; the order contains the customer's key.
    case foreignKeyJoin
    /// … also orders without a customer.
    case leftForeignKeyJoin
    /// Orders, each joined with its row in a global table.
    case globalJoin

    /// The workloads that seeds have chosen from since the first version; the others replace them in some of the runs.
    static let usual: [Workload] = [
        .passThrough, .wordCount, .suppressedWindows, .closingWindows, .sessions, .join,
    ]
    static let others = allCases.filter { !usual.contains($0) }

    static let applicationID = "app"
    static let windowMs: Int64 = 10_000
    static let graceMs: Int64 = 8_000
    static let gapMs: Int64 = 5_000
    /// How far apart in time matching records of two streams may be.
    static let nearMs: Int64 = 3_000
    static let keys = (0..<6).map { "k\($0)" }

    /// The topics that records are fed to; the records of the first one are what `output` follows from.
    var inputs: [String] {
        switch self {
        case .join, .foreignKeyJoin, .leftForeignKeyJoin: ["orders", "customers"]
        case .innerStreamJoin, .leftStreamJoin, .outerStreamJoin: ["left", "right"]
        case .globalJoin: ["orders", Self.globalTopic]
        default: ["input"]
        }
    }
    var output: String { "output" }
    static let globalTopic = "rows"

    /// Whether records of the last time step may be processed before earlier ones.
    var isOrderChance: Bool { inputs.count > 1 }

    /// Whether keys of one topic are looked up in the other.
    var findsKeysByHash: Bool { self == .foreignKeyJoin || self == .leftForeignKeyJoin }

    /// The forms that the topology may have after a restart.
    var forms: [TopologyForm] {
        let kept = TopologyForm()
        switch self {
        case .suppressedWindows:
            return [
                kept, TopologyForm(graceMs: 30_000), TopologyForm(graceMs: 200_000), TopologyForm(isInMemory: true),
            ]
        case .closingWindows:
            return [
                kept, TopologyForm(graceMs: 30_000), TopologyForm(graceMs: 200_000), TopologyForm(emitsOnClose: false),
                TopologyForm(isInMemory: true),
            ]
        case .innerStreamJoin, .leftStreamJoin, .outerStreamJoin:
            // Longer than the records of any run span: no match is ever lost by time.
            return [3_600_000, 7_200_000, 14_400_000].map { TopologyForm(graceMs: $0) }
        case .wordCount, .join, .foreignKeyJoin, .leftForeignKeyJoin, .sessions:
            return [kept, TopologyForm(isInMemory: true)]
        default: return [kept]
        }
    }

    func topology(_ options: TopologyOptions, _ form: TopologyForm) throws -> Topology {
        var options = options
        if form.isInMemory { options.storeKinds = .inMemory }
        return try Topology(options) { streams in
            let input = streams.stream(Topic<String, String>(inputs[0]))
            results(of: input, in: streams, form).to(Topic<String, String>(output))
        }
    }

    private func results(
        of input: KStream<String, String>, in streams: StreamsBuilder, _ form: TopologyForm
    ) -> KStream<String, String?> {
        switch self {
        case .passThrough: return input.mapValues { $0 }
        case .wordCount:
            return input.flatMapValues { line in line.split(separator: " ").map(String.init) }
                .groupBy { _, word in word }
                .count(as: TableStoreName<String, Int64>("counts"))
                .toStream().mapValues { "\($0 ?? 0)" }
        case .suppressedWindows:
            return windows(input, form, .onWindowUpdate).suppress(.untilWindowCloses())
                .toStream { key, _ in "\(key.key)@\(key.window.start)" }.mapValues { "\($0 ?? 0)" }
        case .closingWindows:
            return windows(input, form, form.emitsOnClose ? .onWindowClose : .onWindowUpdate)
                .toStream { key, _ in "\(key.key)@\(key.window.start)" }.mapValues { "\($0 ?? 0)" }
        case .sessions:
            return input.groupByKey()
                .windowedBy(.sessions(gap: .milliseconds(Self.gapMs), grace: .milliseconds(Self.graceMs)))
                .count(as: SessionStoreName<String, Int64>("sessions"))
                .toStream { key, _ in "\(key.key)@\(key.window.start)-\(key.window.end)" }
                .mapValues { "\($0 ?? 0)" }
        case .asynchronous: return input.mapValuesAsync(timeout: .seconds(86_400)) { $0 }.mapValues { $0 }
        case .regroupedWindows:
            return input.groupBy { _, value in Self.group(of: value) }
                .windowedBy(.tumbling(.milliseconds(Self.windowMs), grace: .milliseconds(form.graceMs)))
                .count(as: WindowStoreName<String, Int64>("windows"))
                .toStream { key, _ in "\(key.key)@\(key.window.start)" }.mapValues { "\($0 ?? 0)" }
        case .delayed: return input.process { DelayingProcessor() }.mapValues { $0 }
        default: return joined(input, in: streams, form)
        }
    }

    private func windows(
        _ stream: KStream<String, String>, _ form: TopologyForm, _ emit: EmitStrategy
    ) -> KTable<Windowed<String>, Int64> {
        stream.groupByKey()
            .windowedBy(.tumbling(.milliseconds(Self.windowMs), grace: .milliseconds(form.graceMs)), emit: emit)
            .count(as: WindowStoreName<String, Int64>("windows"))
    }

    private func joined(
        _ input: KStream<String, String>, in streams: StreamsBuilder, _ form: TopologyForm
    ) -> KStream<String, String?> {
        let other = Topic<String, String>(inputs[1])
        let near = JoinWindows(
            difference: .milliseconds(Self.nearMs), grace: .milliseconds(form.graceMs))
        switch self {
        case .innerStreamJoin:
            return input.join(streams.stream(other), within: near, storesNamed: "joined") { "\($0)|\($1)" }
        case .leftStreamJoin:
            return input.leftJoin(streams.stream(other), within: near, storesNamed: "joined") { "\($0)|\($1 ?? "-")" }
        case .outerStreamJoin:
            return input.outerJoin(streams.stream(other), within: near, storesNamed: "joined") {
                "\($0 ?? "-")|\($1 ?? "-")"
            }
        case .foreignKeyJoin, .leftForeignKeyJoin:
            let orders = Self.table(input, "orders")
            let customers = Self.table(streams.stream(other), "customers")
            if self == .foreignKeyJoin {
                return orders.join(customers, on: Self.foreignKey) { "\($0)|\($1)" }.toStream()
            }
            return orders.leftJoin(customers, on: Self.foreignKey) { "\($0)|\($1 ?? "-")" }.toStream()
        case .globalJoin:
            let rows = streams.globalTable(other, as: TableStoreName<String, String>(Self.globalTopic))
            return input.leftJoin(rows, on: { key, _ in key }) { "\($0)|\($1 ?? "-")" }
        default:
            return input.leftJoin(streams.table(other)) { "\($0)|\($1 ?? "-")" }
        }
    }

    /// The input records that a result shows unchanged: none if it is an aggregate.
    func sources(of result: ReadRecord) -> [(topic: String, record: ReadRecord)] {
        let (first, second) = result.parts
        switch self {
        case .passThrough, .delayed, .asynchronous: return [(inputs[0], result)]
        case .regroupedWindows, .wordCount, .suppressedWindows, .closingWindows, .sessions: return []
        case .foreignKeyJoin, .leftForeignKeyJoin:
            if first.isEmpty { return [] }
            return shown([first, second], keys: [result.key, Self.foreignKey(first)], of: result)
        default: return shown([first, second], keys: [result.key, result.key], of: result)
        }
    }

    private func shown(
        _ values: [String], keys: [String], of result: ReadRecord
    ) -> [(topic: String, record: ReadRecord)] {
        inputs.indices.filter { values[$0] != "-" }.map { (inputs[$0], result.with(key: keys[$0], value: values[$0])) }
    }

    // MARK: Rows

    /// A row's value is the key of another row, a slash and a name that no other record has: `k3/r12`. `x/r12` deletes
    /// it.
    static let deletion = "x"

    /// One of a few groups; the values of each key fall into all of them.
    static func group(of value: String) -> String { "g\((value.utf8.last ?? 0) % 3)" }

    static func foreignKey(_ value: String) -> String { String(value.prefix { $0 != "/" }) }

    /// The row that a record sets; nil if it deletes it.
    static func row(_ value: String) -> String? { foreignKey(value) == deletion ? nil : value }

    private static func table(_ stream: KStream<String, String>, _ name: String) -> KTable<String, String> {
        stream.mapValues { row($0) }.toTable(as: TableStoreName<String, String>("\(name)-rows"))
    }
}

/// Forwards records in order, after a delay of wall-clock time.
private final class DelayingProcessor: Processor {
    private static let waiting = KeyValueStoreName<Int64, String>("waiting")
    private static let interval = Duration.milliseconds(50)

    static var storeDefinitions: [StoreDefinition] { [StoreDefinition(waiting)] }

    private var context: ProcessorContext<String, String>?
    private var records: KeyValueStore<Int64, String>?

    func start(_ context: ProcessorContext<String, String>) throws {
        self.context = context
        records = try context.store(Self.waiting)
        try context.schedule(every: Self.interval, .wallClock) { [weak self] _ in try self?.handOn() }
    }

    func process(_ record: Record<String, String>) throws {
        let last = try records?.reverseAll().next()?.key ?? 0
        try records?.put(last + 1, "\(record.timestamp.ms) \(record.key) \(record.value)")
    }

    private func handOn() throws {
        var numbers: [Int64] = []
        let entries = try records?.all()
        while let (number, text) = try entries?.next() {
            let parts = text.split(separator: " ", maxSplits: 2).map(String.init)
            guard parts.count == 3, let ms = Int64(parts[0]) else { continue }
            numbers.append(number)
            try context?.forward(Record(key: parts[1], value: parts[2], timestamp: Timestamp(ms: ms)))
        }
        for number in numbers { try records?.delete(number) }
    }
}
