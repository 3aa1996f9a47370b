/// A difference that is meant in every case of its kind, whatever the case is called.
enum CaseRule {
    /// The recorded run crashed through a fault of Kafka Streams at that input: what came before it counts, and Moldau goes on.
    case recordedCrash(input: Int)
    /// A store of sessions in memory, whose sessions are sent when they close: Kafka Streams' forgets them just then. What
    /// it sent has to come in its order; the closed sessions come in addition.
    case closedSessionsInMemory

    init?(_ conformanceCase: ConformanceCase) {
        if conformanceCase.error?.text?.contains("segment interval has changed") == true {
            self = .recordedCrash(input: Int(conformanceCase.errorAfter ?? 0))
        } else if Self.closesSessionsInMemory(conformanceCase) {
            self = .closedSessionsInMemory
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

    var why: String {
        switch self {
        case .recordedCrash: "the recorded run crashed through a fault of Kafka Streams; Moldau goes on"
        case .closedSessionsInMemory: "Kafka Streams' session store in memory forgets sessions in the moment they close"
        }
    }

    /// What is to be compared with the recorded outputs, of which `isEqual` tells whether one is at a place.
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
        }
    }
}
