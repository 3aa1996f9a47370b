/// The outcomes of many cases, with a note for each that needs one.
struct Tally: CustomStringConvertible {
    private(set) var passed = 0
    /// Passed, with an intended difference.
    private(set) var different = 0
    /// Passed, as the types make it impossible to write what Kafka Streams refuses.
    private(set) var impossible = 0
    /// About the test driver itself, so not run on a cluster.
    private(set) var onlyUnderDriver = 0
    /// Passed, as far as a cluster lets them be compared.
    private(set) var inPart = 0
    private(set) var failed = 0
    private(set) var unsupported = 0
    /// Passed, as the topology is refused while it is built, so that there is nothing to run.
    private(set) var refused = 0
    private(set) var notes: [String] = []

    mutating func add(_ outcome: CaseRun.Outcome, of name: String) {
        switch outcome {
        case .passed: passed += 1
        case .refused: refused += 1
        case .onlyUnderDriver(let why):
            onlyUnderDriver += 1
            notes.append("\(name) is not run: \(why)")
        case .passedInPart(let why):
            inPart += 1
            notes.append("\(name) is compared in part: \(why)")
        case .different(let why):
            different += 1
            notes.append("\(name) differs on purpose: \(why)")
        case .impossible(let why):
            impossible += 1
            notes.append("\(name) cannot be written: \(why)")
        case .unsupported(let what):
            unsupported += 1
            notes.append("UNSUPPORTED \(name): \(what)")
        case .failed(let difference):
            failed += 1
            notes.append("FAILED \(name): \(difference)")
        }
    }

    static func += (left: inout Tally, right: Tally) {
        left.passed += right.passed
        left.different += right.different
        left.impossible += right.impossible
        left.failed += right.failed
        left.unsupported += right.unsupported
        left.refused += right.refused
        left.inPart += right.inPart
        left.onlyUnderDriver += right.onlyUnderDriver
        left.notes += right.notes
    }

    /// How many cases have run as applications.
    var ran: Int { passed + different + inPart }
    var count: Int { ran + refused + impossible + onlyUnderDriver + failed + unsupported }

    var description: String {
        "\(ran + refused + impossible) passed (\(different) differ on purpose, \(inPart) are compared in part, "
            + "\(refused) are refused before they could run, \(impossible) cannot be written), "
            + "\(failed) failed, \(unsupported) unsupported, \(onlyUnderDriver) not run on a cluster"
    }
}
