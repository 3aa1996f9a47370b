/// An intended difference that applies to every case of a kind.
enum CaseRule {
    /// The recorded run crashed at that input because of a fault in Kafka Streams: the results before it count, and
    /// Moldau continues.
    case recordedCrash(input: Int)
    /// A session store in memory that emits sessions when they close: Kafka Streams' store forgets them at that moment.
    /// What it emitted must come in order; the closed sessions come in addition.
    case closedSessionsInMemory
    /// A join of streams with a window of length zero and no grace: Kafka Streams' stores keep its records for no time,
    /// so that it finds nothing. Moldau finds records of the same time. Outputs that do not come from the join are
    /// compared.
    case emptyJoinWindow(captures: Set<String>)

    init?(_ conformanceCase: ConformanceCase) {
        if conformanceCase.error?.text?.contains("segment interval has changed") == true {
            self = .recordedCrash(input: Int(conformanceCase.errorAfter ?? 0))
        } else if Self.closesSessionsInMemory(conformanceCase) {
            self = .closedSessionsInMemory
        } else if let captures = Self.capturesBelowEmptyJoinWindow(conformanceCase) {
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

    /// The captures that such a join reaches; nil if there is none.
    private static func capturesBelowEmptyJoinWindow(_ conformanceCase: ConformanceCase) -> Set<String>? {
        var (steps, topics, captures): (Set<String>, Set<String>, Set<String>) = ([], [], [])
        for step in conformanceCase.topology {
            let spans = ["before", "after", "legacyOf", "diff"].compactMap { step[$0]?.integer }
            let isEmpty = step["op"]?.text == "join" && !spans.isEmpty && spans.allSatisfy { $0 == 0 }
            let inputs = ["in", "other", "left", "right"].compactMap { step[$0]?.text }
            let read = step["op"]?.text == "to" ? [] : step["topics"]?.list ?? step["topic"].map { [$0] } ?? []
            guard
                isEmpty && step["grace"]?.integer ?? 0 == 0 || inputs.contains(where: steps.contains)
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

    /// Whether something that Kafka Streams refused must succeed.
    var succeeds: Bool {
        switch self {
        case .recordedCrash: true
        case .closedSessionsInMemory, .emptyJoinWindow: false
        }
    }

    var why: String {
        switch self {
        case .recordedCrash: "the recorded run crashed through a fault of Kafka Streams; Moldau goes on"
        case .closedSessionsInMemory: "Kafka Streams' session store in memory forgets sessions in the moment they close"
        case .emptyJoinWindow: "Kafka Streams finds no match within a window of no length, not even at the same time"
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
            func place(_ after: Int, _ capture: String) -> String { "\(after + 1_000_000) \(capture)" }
            let found = rows.filter { !captures.contains($0.capture) }
            let wanted = expected.filter { !captures.contains($0["from"]?.text ?? "") }
            return (
                found.sortedStably { place($0.after, $0.capture) },
                wanted.sortedStably { place(Int($0["after"]?.integer ?? 0), $0["from"]?.text ?? "") }
            )
        }
    }
}

extension Array {
    /// Sorted by a text; equal elements keep their order.
    fileprivate func sortedStably(by text: (Element) -> String) -> [Element] {
        enumerated().map { (text($1), $0, $1) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }
}
