import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

/// The builder refused a step of a case.
struct RefusedStep: Error {
    let index: Int
    let error: any Error
}

/// Builds a case's topology through the public DSL, step by step.
final class CaseTopology {
    typealias Stream = (stream: KStream<Datum, Datum?>, key: Kind, value: Kind)
    typealias Table = (table: KTable<Datum, Datum>, key: Kind, value: Kind)

    /// The result of a step, for the steps that refer to it.
    enum Place {
        case stream(Stream)
        case table(Table)
        case global(GlobalKTable<Datum, Datum>, key: Kind)
        case groupedStream(KGroupedStream<Datum, Datum?>, key: Kind, value: Kind)
        case groupedTable(KGroupedTable<Datum, Datum>, key: Kind, value: Kind)
        case cogrouped(CogroupedKStream<Datum, Datum>, key: Kind)
        case windowing(Windowing)
        case windowedTable(WindowedTable)
        case windowedStream(WindowedStream)
    }

    let captured = Captured()
    /// Whether parts of the topology run as tasks of their own.
    var hasSeveralParts = false
    private(set) var topics: [String: (key: Kind, value: Kind)] = [:]
    private(set) var storeKinds: [String: (key: Kind, value: Kind)] = [:]
    private(set) var places: [String: Place] = [:]
    var windowStores: [String: (key: Kind, value: Kind)] = [:]
    private let streams: StreamsBuilder

    /// Whether the settings turn caches off, whatever a store specifies.
    private let isUncached: Bool

    /// Whether captures look their stores up when they start, without being connected to them.
    let asksForStores: Bool

    init(_ streams: StreamsBuilder, isUncached: Bool, asksForStores: Bool = false) {
        self.streams = streams
        self.isUncached = isUncached
        self.asksForStores = asksForStores
    }

    func storeOptions(_ step: CaseStep) throws -> CaseStep.StoreOptions? {
        var options = try step.storeOptions()
        if isUncached { options?.emission = nil }
        return options
    }

    /// - Throws: `RefusedStep` for the first step that the builder refuses.
    func add(_ steps: [JSONValue]) throws {
        for (index, step) in steps.enumerated() {
            try add(CaseStep(json: step))
            if let failure = streams.failure { throw RefusedStep(index: index, error: failure) }
        }
    }

    private func add(_ step: CaseStep) throws {
        let place: Place?
        switch step.op {
        case _ where isWindowed(step): place = try windowed(step)
        case "stream", "table", "globalTable": place = try source(step)
        case "filter", "filterNot", "mapValues": place = try mapOrFilter(step)
        case "map", "selectKey", "flatMap", "flatMapValues", "merge", "repartition", "punctuate":
            place = .stream(try transform(step, try stream(step.input)))
        case "branch":
            let (stream, key, value) = try stream(step.input)
            try branch(step, stream) { .stream(($0, key, value)) }
            place = nil
        case "toTable", "toStream": place = try turn(step)
        case "groupByKey", "groupBy": place = try group(step)
        case "suppress":
            let (table, key, value) = try table(step.input)
            let suppressed = try step.untilTimeLimit() as Suppressed<Datum>
            place = .table(
                (table.suppress(suppressed, value: value.serde, named: step.named), key, value))
        case "count", "reduce", "aggregate": place = try aggregate(step)
        case "join": place = try join(step)
        case "capture": place = try capture(step)
        case "to":
            let (stream, key, value) = try stream(step.input)
            stream.to(Topic(try step.need("topic"), key: key.serde, value: value.serde), named: step.named)
            place = nil
        default: throw Unsupported(what: "operation \(step.op)")
        }
        if let place, let id = step.text("id") { places[id] = place }
    }

    private func stream(_ id: String) throws -> Stream {
        switch places[id] {
        case .stream(let stream): return stream
        case .table(let table): return (table.table.toStream(), table.key, table.value)
        default: throw Unsupported(what: "a stream from \(id)")
        }
    }

    private func table(_ id: String) throws -> Table {
        guard case .table(let table)? = places[id] else { throw Unsupported(what: "a table from \(id)") }
        return table
    }

    private func source(_ step: CaseStep) throws -> Place {
        let (key, value) = (try step.kind("key"), try step.kind("value"))
        if step.op == "stream" {
            let names = step.json["topics"]?.list?.compactMap(\.text) ?? []
            for name in names { topics[name] = (key, value) }
            let sources = names.map { Topic($0, key: key.serde, value: value.serde.optional) }
            return .stream((streams.stream(sources, named: step.named), key, value))
        }
        let name = try step.need("topic")
        topics[name] = (key, value)
        let topic = Topic(name, key: key.serde, value: value.serde)
        if step.op == "table" {
            let table = streams.table(topic, as: try store(step, key, value), named: step.named)
            return .table((table, key, value))
        }
        let options = try storeOptions(step)
        let store = options?.name.map { tableName($0, key, value) }
        return .global(streams.globalTable(topic, as: store, named: step.named, kind: options?.kind), key: key)
    }

    private func mapOrFilter(_ step: CaseStep) throws -> Place {
        let value = try step.kind("value", default: step.op == "mapValues" ? .string : nil)
        if case .table(let (table, key, old))? = places[step.input] {
            let kind = step.op == "mapValues" ? value ?? .string : old
            let store = try store(step, key, kind)
            switch step.op {
            case "filter":
                let keeps = try predicate(try step.need("fn"))
                return .table(
                    (table.filter(as: store, named: step.named) { keeps($0, $1) }, key, old))
            case "filterNot":
                let drops = try predicate(try step.need("fn"))
                return .table(
                    (table.filterNot(as: store, named: step.named) { drops($0, $1) }, key, old))
            default:
                let function = try step.function("fn")
                return .table(
                    (
                        table.mapValues(as: store, named: step.named) { try function($0, $1).row },
                        key,
                        kind
                    ))
            }
        }
        let (stream, key, old) = try stream(step.input)
        switch step.op {
        case "filter":
            let keeps = try predicate(try step.need("fn"))
            return .stream((stream.filter(named: step.named) { keeps($0, $1) }, key, old))
        case "filterNot":
            let drops = try predicate(try step.need("fn"))
            return .stream((stream.filterNot(named: step.named) { drops($0, $1) }, key, old))
        default:
            let function = try step.function("fn")
            return .stream((stream.mapValues(named: step.named) { try function($0, $1).row }, key, value ?? .string))
        }
    }

    private func transform(_ step: CaseStep, _ input: Stream) throws -> Stream {
        let (stream, key, value) = input
        let (newKey, newValue) = (
            try step.kind("key", default: .string) ?? .string, try step.kind("value", default: .string) ?? .string
        )
        let separator = step.text("split") ?? " "
        switch step.op {
        case "map":
            let (keyOf, valueOf) = (try step.function("keyFn"), try step.function("valueFn"))
            return (stream.map(named: step.named) { (try keyOf($0, $1), try valueOf($0, $1).row) }, newKey, newValue)
        case "selectKey":
            let keyOf = try step.function("fn")
            return (stream.selectKey(named: step.named) { try keyOf($0, $1) }, newKey, value)
        case "flatMap":
            let words: KStream<Datum, Datum?> = stream.flatMap(named: step.named) { key, value in
                javaSplit((value ?? .null).text, by: separator).map { (Datum.string($0), key.row) }
            }
            return (words, .string, key)
        case "flatMapValues":
            let words = stream.flatMapValues(named: step.named) { value in
                javaSplit((value ?? .null).text, by: separator).map { Datum?.some(.string($0)) }
            }
            return (words, key, .string)
        case "merge":
            return (stream.merge(try self.stream(try step.need("other")).stream, named: step.named), key, value)
        case "repartition":
            let partitions = step.json["partitions"]?.integer.map { Int32($0) }
            let moved = stream.repartition(
                key: key.serde, value: value.serde.optional, named: step.named, partitions: partitions)
            return (moved, key, value)
        default: return (try punctuating(step, stream), .string, .string)
        }
    }

    private func punctuating(_ step: CaseStep, _ stream: KStream<Datum, Datum?>) throws -> KStream<Datum, Datum?> {
        let clock: PunctuationClock = step.text("clock") == "wall" ? .wallClock : .streamTime
        let interval = Duration.milliseconds(step.json["interval"]?.integer ?? 0)
        let forwardsInput = step.json["forwardInput"]?.bool ?? false
        let key = step.text("key") ?? "tick"
        return stream.process(named: step.named) {
            PunctuatingProcessor(clock: clock, interval: interval, forwardsInput: forwardsInput, key: key)
        }
    }

    /// Splits a stream; each branch's id becomes a place.
    func branch<Key: CaseKey>(
        _ step: CaseStep, _ stream: KStream<Key, Datum?>, place: (KStream<Key, Datum?>) -> Place
    ) throws {
        let prefix = "\(step.text("id") ?? "")-"
        let split = stream.split(named: prefix)
        for arm in step.json["branches"]?.list ?? [] {
            let id = arm["id"]?.text ?? ""
            let takes = try predicate(arm["fn"]?.text ?? "")
            places[id] = place(split.branch(id) { takes($0.datum, $1) })
        }
        if let rest = step.text("default") { places[rest] = place(split.defaultBranch(rest)) }
    }

    private func turn(_ step: CaseStep) throws -> Place {
        if step.op == "toStream" {
            let (table, key, value) = try table(step.input)
            return .stream((table.toStream(named: step.named), key, value))
        }
        let (stream, key, value) = try stream(step.input)
        let table: KTable<Datum, Datum> = stream.toTable(
            key: key.serde, value: value.serde, as: try store(step, key, value), named: step.named)
        return .table((table, key, value))
    }

    private func group(_ step: CaseStep) throws -> Place {
        if case .table(let (table, _, _))? = places[step.input] {
            let (keyOf, valueOf) = (try step.function("keyFn"), try step.function("valueFn", default: "@v"))
            let key = try step.kind("key", default: .string) ?? .string
            let value = try step.kind("value", default: .string) ?? .string
            let grouped = table.groupBy(key: key.serde, value: value.serde, named: step.named) {
                (try keyOf($0, $1), try valueOf($0, $1))
            }
            return .groupedTable(grouped, key: key, value: value)
        }
        let (stream, key, value) = try stream(step.input)
        guard step.op == "groupBy" else {
            let grouped = stream.groupByKey(key: key.serde, value: value.serde.optional, named: step.named)
            return .groupedStream(grouped, key: key, value: value)
        }
        let newKey = try step.kind("key", default: .string) ?? .string
        let keyOf = try step.function("keyFn")
        let grouped = stream.groupBy(key: newKey.serde, value: value.serde.optional, named: step.named) {
            try keyOf($0, $1)
        }
        return .groupedStream(grouped, key: newKey, value: value)
    }

    private func aggregate(_ step: CaseStep) throws -> Place {
        switch places[step.input] {
        case .groupedStream(let grouped, let key, let value)?: try aggregate(step, grouped, key, value)
        case .groupedTable(let grouped, let key, let value)?: try aggregate(step, grouped, key, value)
        default: throw Unsupported(what: "\(step.op) of \(step.input)")
        }
    }

    private func aggregate(
        _ step: CaseStep, _ grouped: KGroupedStream<Datum, Datum?>, _ key: Kind, _ value: Kind
    ) throws -> Place {
        let kind = try resultKind(step, value)
        let store = try store(step, key, kind)
        switch step.op {
        case "count":
            let table = grouped.count(
                result: kind.serde, as: store ?? Materialized(), named: step.named)
            return .table((table, key, kind))
        case "reduce":
            let combine = try step.function("fn")
            let table = grouped.reduce(result: kind.serde, as: store, named: step.named) {
                try combine(Arguments(left: $0, right: $1)).row
            }
            return .table((table, key, kind))
        default:
            let (initial, add) = (kind.datum(step.json["init"] ?? .text("")), try step.function("add"))
            let table = grouped.aggregate(
                { initial }, result: kind.serde, as: store, named: step.named
            ) { try add(Arguments(key: $1, value: $2 ?? .null, aggregate: $0)).row }
            return .table((table, key, kind))
        }
    }

    private func aggregate(
        _ step: CaseStep, _ grouped: KGroupedTable<Datum, Datum>, _ key: Kind, _ value: Kind
    ) throws -> Place {
        let kind = try resultKind(step, value)
        let store = try store(step, key, kind)
        switch step.op {
        case "count":
            let table = grouped.count(
                result: kind.serde, as: store ?? Materialized(), named: step.named)
            return .table((table, key, kind))
        case "reduce":
            let (add, subtract) = (try step.function("fn"), try step.function("subtract"))
            let table = grouped.reduce(
                as: store, named: step.named,
                adding: { try add(Arguments(left: $0, right: $1)).row },
                subtracting: { try subtract(Arguments(left: $0, right: $1)).row })
            return .table((table, key, kind))
        default:
            let initial = kind.datum(step.json["init"] ?? .text(""))
            let (add, subtract) = (try step.function("add"), try step.function("subtract"))
            let table = grouped.aggregate(
                { initial }, result: kind.serde, as: store, named: step.named,
                adding: { try add(Arguments(key: $1, value: $2, aggregate: $0)).row },
                subtracting: { try subtract(Arguments(key: $1, value: $2, aggregate: $0)).row })
            return .table((table, key, kind))
        }
    }

    func resultKind(_ step: CaseStep, _ value: Kind) throws -> Kind {
        switch step.op {
        case "count": .int64
        case "reduce": value
        default: try step.kind("value", default: .string) ?? .string
        }
    }

    private func join(_ step: CaseStep) throws -> Place {
        let (left, right) = (try step.need("left"), try step.need("right"))
        switch (places[left], places[right]) {
        case (.table(let left)?, .table(let right)?) where step.json["fk"] != nil:
            return .table(try foreignKeyJoin(step, left, right))
        case (.table(let left)?, .table(let right)?): return .table(try join(step, left, right))
        case (.stream(let left)?, .stream(let right)?): return .stream(try streamJoin(step, left, right))
        case (.stream(let left)?, .table(let right)?): return .stream(try join(step, left, right))
        case (.stream(let left)?, .global(let right, let key)?): return .stream(try join(step, left, right, key))
        default: throw Unsupported(what: "join of \(left) and \(right)")
        }
    }

    private func join(_ step: CaseStep, _ left: Table, _ right: Table) throws -> Table {
        let joiner = try step.function("joiner")
        let store = try store(step, left.key, .string)
        let result = store == nil ? nil : Kind.string.serde
        let apply: @Sendable (Datum?, Datum?) throws -> Datum? = {
            try joiner(Arguments(left: $0 ?? .null, right: $1 ?? .null)).row
        }
        let table: KTable<Datum, Datum> =
            switch step.text("kind") {
            case "left":
                left.table.leftJoin(right.table, result: result, as: store, named: step.named) {
                    try apply($0, $1)
                }
            case "outer":
                left.table.outerJoin(right.table, result: result, as: store, named: step.named) {
                    try apply($0, $1)
                }
            default:
                left.table.join(right.table, result: result, as: store, named: step.named) {
                    try apply($0, $1)
                }
            }
        return (table, left.key, .string)
    }

    private func join(_ step: CaseStep, _ left: Stream, _ right: Table) throws -> Stream {
        let joiner = try step.function("joiner")
        let apply: @Sendable (Datum, Datum?, Datum?) throws -> Datum? = {
            try joiner(Arguments(key: $0, left: $1 ?? .null, right: $2 ?? .null)).row
        }
        let value = left.value.serde.optional
        let grace = step.json["grace"]?.integer.map { Duration.milliseconds($0) }
        // Kafka Streams' own tests give joins with a grace period this name.
        let name = step.named ?? grace.map { _ in "Grace" }
        let joined: KStream<Datum, Datum?> =
            step.text("kind") == "left"
            ? left.stream.leftJoin(right.table, value: value, named: name, grace: grace) { try apply($0, $1, $2) }
            : left.stream.join(right.table, value: value, named: name, grace: grace) { try apply($0, $1, $2) }
        return (joined, left.key, .string)
    }

    private func join(
        _ step: CaseStep, _ left: Stream, _ right: GlobalKTable<Datum, Datum>, _ rowKey: Kind
    ) throws -> Stream {
        let (joiner, keyOf) = (try step.function("joiner"), try step.function("keyFn"))
        let apply: @Sendable (Datum, Datum?, Datum?) throws -> Datum? = {
            try joiner(Arguments(key: $0, left: $1 ?? .null, right: $2 ?? .null)).row
        }
        let (key, value) = (left.key.serde, left.value.serde.optional)
        let joined: KStream<Datum, Datum?> =
            step.text("kind") == "left"
            ? left.stream.leftJoin(right, on: { try keyOf($0, $1) }, key: key, value: value, named: step.named) {
                try apply($0, $2, $3)
            }
            : left.stream.join(right, on: { try keyOf($0, $1) }, key: key, value: value, named: step.named) {
                try apply($0, $2, $3)
            }
        return (joined, left.key, .string)
    }

    private func capture(_ step: CaseStep) throws -> Place? {
        let (captured, name) = (captured, try step.need("as"))
        let _: KStream<Datum, Datum?> = try stream(step.input).stream.process(
            named: step.named, stores: asksForStores ? [] : step.storeNames
        ) { [asked = asksForStores ? step.stores : []] in
            CaptureProcessor(captured, name: name, asksFor: asked)
        }
        return nil
    }

    /// The store of a table, as the step specifies it; nil if it does not.
    func store(_ step: CaseStep, _ key: Kind, _ value: Kind) throws -> (any TableMaterialization<Datum, Datum>)? {
        guard let options = try storeOptions(step) else { return nil }
        let latest = options.name.map { tableName($0, key, value) }
        guard let history = try step.historyRetention() else {
            return Materialized(
                latest, kind: options.kind, emission: options.emission, isLogged: options.isLogged)
        }
        guard let latest else { throw Unsupported(what: "a versioned store without a name") }
        return Materialized(
            VersionedStoreName(latest.name, key: latest.key, value: latest.value, historyRetention: history),
            kind: options.kind, isLogged: options.isLogged)
    }

    private func tableName(_ name: String, _ key: Kind, _ value: Kind) -> TableStoreName<Datum, Datum> {
        storeKinds[name] = (key, value)
        return TableStoreName(name, key: key.serde, value: value.serde)
    }
}
