/// An intended difference that applies to every case of a kind.
enum CaseRule {
    /// The recorded run crashed at that input because of a bug in Kafka Streams: only the results before it are
    /// compared, and Moldau continues.
    case recordedCrash(input: Int)
    /// A session store in memory that emits sessions when they close: Kafka Streams' store deletes them at that moment.
    /// What it emitted must be emitted in order; the closed sessions are emitted in addition.
    case closedSessionsInMemory
    /// A join of streams with a window of length zero and no grace: Kafka Streams' stores have no retention, so that
    /// the join finds nothing. Moldau finds records with the same timestamp. Outputs that do not come from the join are
    /// compared.
    case emptyJoinWindow(captures: Set<String>)

    init?(_ conformanceCase: ConformanceCase) {
        if conformanceCase.error?.text?.contains("segment interval has changed") == true {
            self = .recordedCrash(input: Int(conformanceCase.errorAfter ?? 0))
        } else if Self.closesSessionsInMemory(conformanceCase) {
            self = .closedSessionsInMemory
        } else if let captures = conformanceCase.captures(below: Self.isEmptyJoinWindow) {
            self = .emptyJoinWindow(captures: captures)
        } else {
            return nil
        }
    }

    private static func closesSessionsInMemory(_ conformanceCase: ConformanceCase) -> Bool {
        let closing = conformanceCase.topology.filter { $0["emit"]?.text == "onWindowClose" }.compactMap {
            $0["id"]?.text
        }
        return conformanceCase.topology.contains { step in
            step["store"]?["kind"]?.text == "inmemorySession" && closing.contains(step["in"]?.text ?? "")
        }
    }

    private static func isEmptyJoinWindow(_ step: JSONValue) -> Bool {
        let spans = ["before", "after", "legacyOf", "diff"].compactMap { step[$0]?.integer }
        return step["op"]?.text == "join" && !spans.isEmpty && spans.allSatisfy { $0 == 0 }
            && step["grace"]?.integer ?? 0 == 0
    }

    /// Whether something that Kafka Streams refused must succeed.
    var succeeds: Bool {
        switch self {
        case .recordedCrash: true
        case .closedSessionsInMemory, .emptyJoinWindow: false
        }
    }

    var why: String {
        switch self {
        case .recordedCrash: "the recorded run crashed because of a bug in Kafka Streams; Moldau continues"
        case .closedSessionsInMemory: "Kafka Streams' session store in memory deletes sessions when they close"
        case .emptyJoinWindow: "Kafka Streams finds no match within a window of length zero, not even at the same time"
        }
    }

    /// The rows to compare with the recorded outputs; `isEqual` says whether a row matches a recorded output.
    func compared(
        _ rows: [Captured.Row], _ expected: [JSONValue], isEqual: (Captured.Row, JSONValue) -> Bool
    ) -> (rows: [Captured.Row], expected: [JSONValue]) {
        switch self {
        case .recordedCrash(let input):
            return (rows.filter { $0.after < input }, expected.filter { Int($0["after"]?.integer ?? 0) < input })
        case .closedSessionsInMemory:
            var rest = expected[...]
            let found = rows.filter { row in
                guard let next = rest.first, isEqual(row, next) else { return false }
                rest.removeFirst()
                return true
            }
            return (found, expected)
        case .emptyJoinWindow(let captures):
            // The results of the join may change the order in which other topics of its task are read.
            let found = rows.filter { !captures.contains($0.capture) }
            let wanted = expected.filter { !captures.contains($0["from"]?.text ?? "") }
            return (found.sortedStably { $0.place }, wanted.sortedStably { $0.place })
        }
    }
}

extension ConformanceCase {
    /// The captures that punctuations by stream time reach; nil if there are none.
    var capturesBelowStreamTime: Set<String>? {
        captures { $0["op"]?.text == "punctuate" && $0["clock"]?.text != "wall" }
    }

    /// The captures that a step of some kind reaches; nil if there is no such step.
    fileprivate func captures(below isOrigin: (JSONValue) -> Bool) -> Set<String>? {
        var (steps, topics, captures): (Set<String>, Set<String>, Set<String>) = ([], [], [])
        for step in topology {
            let inputs = ["in", "other", "left", "right"].compactMap { step[$0]?.text }
            let read = step["op"]?.text == "to" ? [] : step["topics"]?.list ?? step["topic"].map { [$0] } ?? []
            guard
                isOrigin(step) || inputs.contains(where: steps.contains)
                    || read.contains(where: { topics.contains($0.text ?? "") })
            else { continue }
            for id in [step["id"]] + (step["branches"]?.list ?? []).map({ $0["id"] }) + [step["default"]] {
                if let id = id?.text { steps.insert(id) }
            }
            if step["op"]?.text == "to", let topic = step["topic"]?.text { topics.insert(topic) }
            if let capture = step["as"]?.text { captures.insert(capture) }
        }
        return steps.isEmpty ? nil : captures
    }
}

/// The input that caused an output, and its capture.
typealias OutputPlace = (after: Int64, capture: String)

extension Captured.Row {
    var place: OutputPlace { (Int64(after), capture) }
}

extension JSONValue {
    /// The place of a recorded output.
    var place: OutputPlace { (self["after"]?.integer ?? 0, self["from"]?.text ?? "") }
}

extension Array {
    /// Sorted by input and capture; equal elements keep their order.
    func sortedStably(by place: (Element) -> OutputPlace) -> [Element] {
        enumerated().map { (place($1), $0, $1) }.sorted { left, right in
            (left.0.after, left.0.capture, left.1) < (right.0.after, right.0.capture, right.1)
        }.map(\.2)
    }
}
