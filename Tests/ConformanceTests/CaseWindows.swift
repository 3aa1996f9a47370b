import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology

/// A key as captures and functions see it.
protocol CaseKey: Sendable {
    var datum: Datum { get }
}

extension Datum: CaseKey { var datum: Datum { self } }
extension Windowed<Datum>: CaseKey { var datum: Datum { .windowed(key, window) } }

/// A stream or cogroup between its windows and its aggregation.
enum Windowing {
    case time(TimeWindowedKStream<Datum, Datum?>, key: Kind, value: Kind)
    case sessions(SessionWindowedKStream<Datum, Datum?>, key: Kind, value: Kind)
    case cogroupedTime(TimeWindowedCogroupedKStream<Datum, Datum>, key: Kind)
    case cogroupedSessions(SessionWindowedCogroupedKStream<Datum, Datum>, key: Kind)
}

/// Windows, cogroups, and operators on windowed keys.
extension CaseTopology {
    typealias WindowedTable = (table: KTable<Windowed<Datum>, Datum>, value: Kind)
    typealias WindowedStream = (stream: KStream<Windowed<Datum>, Datum?>, value: Kind)

    func isWindowed(_ step: CaseStep) -> Bool {
        if step.op == "windowedBy" || step.op == "cogroup" { return true }
        let input = step.op == "join" ? step.text("left") ?? "" : step.input
        return switch places[input] {
        case .windowing?, .windowedTable?, .windowedStream?, .cogrouped?: true
        default: false
        }
    }

    func windowed(_ step: CaseStep) throws -> Place? {
        switch (step.op, places[step.op == "join" ? try step.need("left") : step.input]) {
        case ("cogroup", let input?): try cogroup(step, input)
        case ("windowedBy", let input?): .windowing(try window(step, input))
        case (_, .cogrouped(let cogrouped, let key)?): .table(try aggregate(step, cogrouped, key))
        case (_, .windowing(let windowing)?): .windowedTable(try aggregate(step, windowing))
        case (_, .windowedTable(let table)?): try follow(step, table)
        case (_, .windowedStream(let stream)?): try follow(step, stream)
        default: throw Unsupported(what: "\(step.op) of \(step.input)")
        }
    }

    private func cogroup(_ step: CaseStep, _ input: Place) throws -> Place {
        let add = try step.function("add")
        let next: @Sendable (Datum, Datum, Datum?) throws -> Datum? = {
            try add(Arguments(key: $1, value: $2 ?? .null, aggregate: $0)).row
        }
        switch (input, step.text("other").flatMap { places[$0] }) {
        case (.groupedStream(let grouped, let key, _), nil): return .cogrouped(grouped.cogroup(next), key: key)
        case (.cogrouped(let cogrouped, let key), .groupedStream(let other, _, _)?):
            return .cogrouped(cogrouped.cogroup(other, next), key: key)
        default: throw Unsupported(what: "this cogroup")
        }
    }

    private func window(_ step: CaseStep, _ input: Place) throws -> Windowing {
        let emit: EmitStrategy = step.text("emit") == "onWindowClose" ? .onWindowClose : .onWindowUpdate
        let windows = step.json["window"] ?? .null
        if windows["type"]?.text == "unlimited" {
            if step.closesUnlimitedWindows { throw Unsupported(what: "unlimited windows emitted on close") }
            let windows = CustomWindows.unlimited(from: Timestamp(ms: windows["start"]?.integer ?? 0))
            switch input {
            case .groupedStream(let grouped, let key, let value):
                return .time(grouped.windowedBy(windows), key: key, value: value)
            case .cogrouped(let cogrouped, let key): return .cogroupedTime(cogrouped.windowedBy(windows), key: key)
            default: throw Unsupported(what: "windows of \(step.input)")
            }
        }
        switch (input, try windows.timeWindows()) {
        case (.groupedStream(let grouped, let key, let value), let windows?):
            return .time(grouped.windowedBy(windows, emit: emit), key: key, value: value)
        case (.groupedStream(let grouped, let key, let value), nil):
            return .sessions(grouped.windowedBy(windows.sessionWindows, emit: emit), key: key, value: value)
        case (.cogrouped(let cogrouped, let key), let windows?):
            return .cogroupedTime(cogrouped.windowedBy(windows), key: key)
        case (.cogrouped(let cogrouped, let key), nil):
            return .cogroupedSessions(cogrouped.windowedBy(windows.sessionWindows), key: key)
        default: throw Unsupported(what: "windows of \(step.input)")
        }
    }

    private func aggregate(
        _ step: CaseStep, _ cogrouped: CogroupedKStream<Datum, Datum>, _ key: Kind
    ) throws -> Table {
        let kind = try resultKind(step, .string)
        let initial = kind.datum(step.json["init"] ?? .text(""))
        let table = cogrouped.aggregate(
            { initial }, result: kind.serde, as: try store(step, key, kind), named: step.named)
        return (table, key, kind)
    }

    private func aggregate(_ step: CaseStep, _ windowing: Windowing) throws -> WindowedTable {
        let initial = try resultKind(step, .string).datum(step.json["init"] ?? .text(""))
        switch windowing {
        case .time(let stream, let key, let value): return try aggregate(step, stream, key, value)
        case .sessions(let stream, let key, let value):
            return try aggregate(step, stream, key, value)
        case .cogroupedTime(let stream, let key):
            let kind = try resultKind(step, .string)
            let table = stream.aggregate(
                { initial }, result: kind.serde, as: try windowStore(step, key, kind), named: step.named)
            return (table, kind)
        case .cogroupedSessions(let stream, let key):
            let kind = try resultKind(step, .string)
            let table = stream.aggregate(
                { initial }, result: kind.serde, as: try sessionStore(step, key, kind), named: step.named,
                merging: try step.merger())
            return (table, kind)
        }
    }

    private func aggregate(
        _ step: CaseStep, _ stream: TimeWindowedKStream<Datum, Datum?>, _ key: Kind, _ value: Kind
    ) throws -> WindowedTable {
        let kind = try resultKind(step, value)
        let store = try windowStore(step, key, kind)
        switch step.op {
        case "count":
            return (
                stream.count(
                    result: kind.serde, as: store ?? Materialized(), named: step.named), kind
            )
        case "reduce":
            let combine = try step.function("fn")
            let table = stream.reduce(result: kind.serde, as: store, named: step.named) {
                try combine(Arguments(left: $0, right: $1 ?? .null)).row
            }
            return (table, kind)
        default:
            let (initial, add) = (kind.datum(step.json["init"] ?? .text("")), try step.function("add"))
            let table = stream.aggregate(
                { initial }, result: kind.serde, as: store, named: step.named
            ) { try add(Arguments(key: $1, value: $2 ?? .null, aggregate: $0)).row }
            return (table, kind)
        }
    }

    private func aggregate(
        _ step: CaseStep, _ stream: SessionWindowedKStream<Datum, Datum?>, _ key: Kind, _ value: Kind
    ) throws -> WindowedTable {
        let kind = try resultKind(step, value)
        let store = try sessionStore(step, key, kind)
        switch step.op {
        case "count":
            return (
                stream.count(
                    result: kind.serde, as: store ?? Materialized(), named: step.named), kind
            )
        case "reduce":
            let combine = try step.function("fn")
            let table = stream.reduce(result: kind.serde, as: store, named: step.named) {
                try combine(Arguments(left: $0, right: $1 ?? .null)).row
            }
            return (table, kind)
        default:
            let (initial, add) = (kind.datum(step.json["init"] ?? .text("")), try step.function("add"))
            let table = stream.aggregate(
                { initial }, result: kind.serde, as: store, named: step.named,
                { try add(Arguments(key: $1, value: $2 ?? .null, aggregate: $0)).row }, merging: try step.merger())
            return (table, kind)
        }
    }

    private func windowStore(
        _ step: CaseStep, _ key: Kind, _ value: Kind
    ) throws -> Materialized<WindowStoreName<Datum, Datum>>? {
        guard let options = try storeOptions(step) else { return nil }
        let name = options.name.map { name in
            windowStores[name] = (key, value)
            return WindowStoreName(name, key: key.serde, value: value.serde)
        }
        return Materialized(
            name, kind: options.kind, emission: options.emission, retention: options.retention,
            isLogged: options.isLogged)
    }

    private func sessionStore(
        _ step: CaseStep, _ key: Kind, _ value: Kind
    ) throws -> Materialized<SessionStoreName<Datum, Datum>>? {
        guard let options = try storeOptions(step) else { return nil }
        return Materialized(
            options.name.map { SessionStoreName($0, key: key.serde, value: value.serde) }, kind: options.kind,
            emission: options.emission, retention: options.retention, isLogged: options.isLogged)
    }

    // MARK: Operators on windowed keys

    private func follow(_ step: CaseStep, _ input: WindowedTable) throws -> Place? {
        let (table, value) = input
        guard step.json["store"] == nil else { throw Unsupported(what: "\(step.op) of windows with a store") }
        switch step.op {
        case "filter":
            let keeps = try predicate(try step.need("fn"))
            return .windowedTable((table.filter(named: step.named) { keeps($0.datum, $1) }, value))
        case "filterNot":
            let drops = try predicate(try step.need("fn"))
            return .windowedTable((table.filterNot(named: step.named) { drops($0.datum, $1) }, value))
        case "mapValues":
            let (function, kind) = (
                try step.function("fn"), try step.kind("value", default: .string) ?? .string
            )
            return .windowedTable(
                (table.mapValues(named: step.named) { try function($0.datum, $1).row }, kind))
        case "groupBy":
            let (keyOf, valueOf) = (try step.function("keyFn"), try step.function("valueFn", default: "@v"))
            let key = try step.kind("key", default: .string) ?? .string
            let kind = try step.kind("value", default: .string) ?? .string
            let grouped = table.groupBy(key: key.serde, value: kind.serde, named: step.named) {
                (try keyOf($0.datum, $1), try valueOf($0.datum, $1))
            }
            return .groupedTable(grouped, key: key, value: kind)
        case "join":
            guard case .windowedTable(let right)? = places[try step.need("right")] else {
                throw Unsupported(what: "join of windows with something else")
            }
            return .windowedTable(try join(step, table, right.table))
        case "suppress":
            let suppressed: Suppressed<Windowed<Datum>> =
                step.json["timeLimit"] == nil
                ? .untilWindowCloses(maxRecords: step.limit("maxRecords"), maxBytes: step.limit("maxBytes"))
                : try step.untilTimeLimit()
            return .windowedTable((table.suppress(suppressed, value: value.serde, named: step.named), value))
        case "toStream": return .windowedStream((table.toStream(named: step.named), value))
        case "capture":
            return try follow(step, (table.toStream(), value))
        default: throw Unsupported(what: "\(step.op) of a windowed table")
        }
    }

    private func join(
        _ step: CaseStep, _ left: KTable<Windowed<Datum>, Datum>, _ right: KTable<Windowed<Datum>, Datum>
    ) throws -> WindowedTable {
        let joiner = try step.function("joiner")
        let apply: @Sendable (Datum?, Datum?) throws -> Datum? = {
            try joiner(Arguments(left: $0 ?? .null, right: $1 ?? .null)).row
        }
        let table: KTable<Windowed<Datum>, Datum> =
            switch step.text("kind") {
            case "left": left.leftJoin(right, named: step.named) { try apply($0, $1) }
            case "outer": left.outerJoin(right, named: step.named) { try apply($0, $1) }
            default: left.join(right, named: step.named) { try apply($0, $1) }
            }
        return (table, .string)
    }

    private func follow(_ step: CaseStep, _ input: WindowedStream) throws -> Place? {
        let (stream, value) = input
        let (newKey, newValue) = (
            try step.kind("key", default: .string) ?? .string, try step.kind("value", default: .string) ?? .string
        )
        switch step.op {
        case "filter":
            let keeps = try predicate(try step.need("fn"))
            return .windowedStream((stream.filter(named: step.named) { keeps($0.datum, $1) }, value))
        case "filterNot":
            let drops = try predicate(try step.need("fn"))
            return .windowedStream((stream.filterNot(named: step.named) { drops($0.datum, $1) }, value))
        case "mapValues":
            let function = try step.function("fn")
            return .windowedStream(
                (stream.mapValues(named: step.named) { try function($0.datum, $1).row }, newValue))
        case "selectKey":
            let keyOf = try step.function("fn")
            return .stream((stream.selectKey(named: step.named) { try keyOf($0.datum, $1) }, newKey, value))
        case "map":
            let (keyOf, valueOf) = (try step.function("keyFn"), try step.function("valueFn"))
            let mapped = stream.map(named: step.named) { (try keyOf($0.datum, $1), try valueOf($0.datum, $1).row) }
            return .stream((mapped, newKey, newValue))
        case "groupBy":
            let keyOf = try step.function("keyFn")
            let grouped = stream.groupBy(key: newKey.serde, value: value.serde.optional, named: step.named) {
                try keyOf($0.datum, $1)
            }
            return .groupedStream(grouped, key: newKey, value: value)
        case "capture":
            let (captured, name) = (captured, try step.need("as"))
            let _: KStream<Datum, Datum?> = stream.process(
                named: step.named, stores: asksForStores ? [] : step.storeNames
            ) { [asked = asksForStores ? step.stores : []] in
                CaptureProcessor<Windowed<Datum>>(captured, name: name, asksFor: asked)
            }
            return nil
        default: return try shape(step, input)
        }
    }
}

extension CaseStep {
    /// Merges sessions.
    fileprivate func merger() throws -> @Sendable (Datum, Datum, Datum) throws -> Datum {
        let merge = try function("merge", default: "{l}{r}")
        return { try merge(Arguments(key: $1, left: $0, right: $2)) }
    }
}

extension CaseStep {
    /// Whether unlimited windows are to be emitted when they close.
    var closesUnlimitedWindows: Bool {
        text("emit") == "onWindowClose" && json["window"]?["type"]?.text == "unlimited"
    }
}

extension JSONValue {
    private func duration(_ field: String) -> Duration? { self[field]?.integer.map { .milliseconds($0) } }

    /// nil: sessions.
    fileprivate func timeWindows() throws -> TimeWindows? {
        let grace = duration("grace") ?? .zero
        switch self["type"]?.text {
        case "time":
            let size = duration("size") ?? .zero
            return .hopping(size, every: duration("advance") ?? size, grace: grace)
        case "sliding": return .sliding(duration("diff") ?? .zero, grace: grace)
        case "session": return nil
        default: throw Unsupported(what: "windows \(self)")
        }
    }

    fileprivate var sessionWindows: SessionWindows {
        .sessions(gap: duration("gap") ?? .zero, grace: duration("grace") ?? .zero)
    }
}

// Operators that treat windowed keys like others.
extension CaseTopology {
    func shape(_ step: CaseStep, _ input: WindowedStream) throws -> Place? {
        let (stream, value) = input
        let separator = step.text("split") ?? " "
        switch step.op {
        case "flatMapValues":
            let words = stream.flatMapValues(named: step.named) { value in
                javaSplit((value ?? .null).text, by: separator).map { Datum?.some(.string($0)) }
            }
            return .windowedStream((words, .string))
        case "merge":
            guard case .windowedStream(let other)? = places[try step.need("other")] else {
                throw Unsupported(what: "merge of windows with something else")
            }
            return .windowedStream((stream.merge(other.stream, named: step.named), value))
        case "branch":
            try branch(step, stream) { .windowedStream(($0, value)) }
            return nil
        default: throw Unsupported(what: "\(step.op) of a windowed stream")
        }
    }
}
