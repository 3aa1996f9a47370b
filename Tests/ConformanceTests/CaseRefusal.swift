import Moldau
import MoldauTesting
import MoldauTopology

/// How Kafka Streams refuses a case.
struct CaseRefusal {
    enum Phase: String { case config, step, build, start, input }

    let conformanceCase: ConformanceCase
    let phase: Phase
    /// The exception's class, without its package.
    let kind: String
    let text: String

    var isBeforeStart: Bool { [.config, .step, .build].contains(phase) }
    /// Whether the test driver refuses the input, before the topology sees it.
    var isOfDriver: Bool { text.hasSuffix("Invalid negative timestamp") }

    /// nil if the case is not refused.
    init?(_ conformanceCase: ConformanceCase) throws {
        guard let full = conformanceCase.error?.text else { return nil }
        guard let phase = Phase(rawValue: conformanceCase.errorPhase ?? "input") else {
            throw Unsupported(what: "an error in \(conformanceCase.errorPhase ?? "")")
        }
        let parts = full.split(separator: ":", maxSplits: 1).map(String.init)
        kind = parts.first?.split(separator: ".").last.map(String.init) ?? full
        text = full
        self.phase = phase
        self.conformanceCase = conformanceCase
    }

    /// Whether an error of ours corresponds to Kafka Streams' exception. Types and messages are our own: a topology
    /// that cannot be built is a `TopologyError`; a running task stops with whatever error stopped it.
    func matches(_ error: any Error) -> Bool {
        guard phase == .start || phase == .input else { return error is TopologyError }
        if kind == "StreamsException", text.contains("buffer exceeded its max capacity") {
            guard case SuppressionError.full(_, let records, let maxRecords, let bytes, let maxBytes) = error else {
                return false
            }
            return text.contains("[\(records)/\(maxRecords)] records and [\(bytes)/\(maxBytes)] bytes")
        }
        return !(error is Unsupported)
    }

    /// A description of the difference if an error at step or input `index` is not the one that Kafka Streams throws.
    func difference(_ error: any Error, in found: Phase, at index: Int? = nil) -> String? {
        // A setting is refused when the topology is built, as it belongs to the topology here.
        let expected = phase == .config ? .build : phase
        let place = phase == .step ? conformanceCase.errorStep : phase == .input ? conformanceCase.errorAfter : nil
        guard found == expected, place == nil || index.map({ Int64($0) }) == place, matches(error) else {
            return "\(found.rawValue) \(index.map { "\($0) " } ?? "")failed: \(error); expected in \(phase.rawValue) "
                + "\(place.map { "\($0)" } ?? ""): \(text)"
        }
        return nil
    }

    // MARK: What cannot be written

    /// Why the refused thing cannot be written with Moldau; nil if it can, so that Moldau has to refuse it.
    var impossibility: String? {
        switch kind {
        case "NullPointerException": return missingArgument
        case "IllegalArgumentException" where text.contains("null"): return missingArgument
        case "IllegalArgumentException" where blamed.contains(where: \.closesUnlimitedWindows):
            return "unlimited windows have no strategy of emission"
        case "ConfigException" where phase == .config: return unknownSetting
        case "ConfigException": return missingSerde
        case "StreamsException" where phase == .step: return joinStores
        case "StreamsException" where phase == .start: return missingSerde
        case "ClassCastException": return wrongStore
        case "TopologyException": return unwindowedSuppression
        default: return nil
        }
    }

    /// The steps that the case blames: one of them, or all.
    private var blamed: [CaseStep] {
        let steps = conformanceCase.topology.map { CaseStep(json: $0) }
        guard let index = conformanceCase.errorStep.map({ Int($0) }), steps.indices.contains(index) else {
            return steps
        }
        return [steps[index]]
    }

    private var missingArgument: String? {
        blamed.contains { $0.json.hasNull || $0.lacksArgument } ? "arguments are not optional" : nil
    }

    private var missingSerde: String? {
        guard conformanceCase.defaultSerdes != true else { return nil }
        let lacks = conformanceCase.topology.contains { CaseStep(json: $0).leavesSerdeOpen }
        return lacks ? "types have serdes, or they are given" : nil
    }

    private var wrongStore: String? {
        let windows = Dictionary(
            conformanceCase.topology.compactMap { step in
                step["id"]?.text.map { ($0, step["op"]?.text == "windowedBy" ? step["window"]?["type"]?.text : nil) }
            }, uniquingKeysWith: { $1 })
        let isWrong = blamed.contains { step in
            let window = windows[step.input] ?? nil
            switch step.json["store"]?["kind"]?.text {
            case "inmemory": return window != nil
            case "inmemoryWindow": return window == nil || window == "session"
            case "inmemorySession": return window != "session"
            default: return false
            }
        }
        return isWrong ? "an operator makes the store that it needs" : nil
    }

    private var unwindowedSuppression: String? {
        let waits = blamed.contains { step in
            step.op == "suppress" && step.json["timeLimit"] == nil && !hasWindowedKey(step.input)
        }
        return waits ? "only windowed keys can wait until their windows close" : nil
    }

    /// Whether the table made by the step with that id has windowed keys.
    private func hasWindowedKey(_ id: String) -> Bool {
        guard let step = conformanceCase.topology.map({ CaseStep(json: $0) }).first(where: { $0.text("id") == id })
        else { return false }
        switch step.op {
        case "filter", "filterNot", "mapValues", "suppress": return hasWindowedKey(step.input)
        case "join": return hasWindowedKey(step.text("left") ?? "")
        default:
            return conformanceCase.topology.contains { $0["id"]?.text == step.input && $0["op"]?.text == "windowedBy" }
        }
    }

    private var joinStores: String? {
        blamed.contains { $0.json["thisStore"] != nil || $0.json["otherStore"] != nil }
            ? "the names, sizes and retention of a join's stores follow from the join" : nil
    }

    private var unknownSetting: String? {
        for (name, value) in conformanceCase.config ?? [:] {
            switch (name, value) {
            case ("topology.optimization", .text(let text)):
                if (try? CaseOptions.optimizations(text)) == nil { return "optimizations are a set of cases" }
            case ("statestore.cache.max.bytes", .integer), ("wallClock", _): continue
            case ("statestore.cache.max.bytes", .text(let text)) where Int64(text) != nil: continue
            default: return "settings are typed"
            }
        }
        return nil
    }
}

extension CaseStep {
    /// Whether a required argument of the step is missing.
    fileprivate var lacksArgument: Bool {
        let needed: [String] =
            switch op {
            case "aggregate": ["init", "add"]
            case "reduce", "selectKey", "filter", "filterNot", "mapValues": ["fn"]
            case "map": ["keyFn", "valueFn"]
            case "cogroup": ["add"]
            case "merge": ["other"]
            case "to", "table", "globalTable": ["topic"]
            case "join": ["left", "right", "joiner"]
            case "windowedBy": ["window"]
            default: []
            }
        // A cogroup's aggregate has its functions already; the case's other steps show which one it is.
        let lacksName = json["store"]?["kind"]?.text == "versioned" && json["store"]?["name"] == nil
        return lacksName || needed.contains { json[$0] == nil } || (op == "cogroup" && json["other"] == nil)
    }

    /// Whether Kafka Streams has no serde for a key or value after the step, unless there are default serdes.
    fileprivate var leavesSerdeOpen: Bool {
        switch op {
        case "stream", "table", "globalTable": text("key") == "none" || text("value") == "none"
        case "map", "flatMap": json["key"] == nil || json["value"] == nil
        case "selectKey", "groupBy": json["key"] == nil
        case "mapValues", "flatMapValues", "aggregate": json["value"] == nil
        case "join": true
        default: false
        }
    }
}
