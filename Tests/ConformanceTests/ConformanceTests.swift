import Foundation
import MoldauState
import Testing

/// Runs topologies whose results were recorded from Kafka Streams, and compares case by case.
///
/// Where Moldau differs on purpose, `Differences.json` says why and gives the expected results. `MoreCases` has cases
/// of our own in the same format. `CONFORMANCE_CASES=<folder>` reads another folder, under all settings. Prints a line
/// per failing case, and the counts per area and in total.
struct ConformanceTests {
    @Test(arguments: [StoreKind.rocksDB, .inMemory], [true, false])
    func `every case gives what Kafka Streams gave`(storeKind: StoreKind, writesStoresAtCommit: Bool) throws {
        // Writing files at each commit takes minutes: the first case of each area shows that it changes nothing.
        let isSlow = storeKind == .rocksDB && writesStoresAtCommit
        let step = isSlow && ProcessInfo.processInfo.environment["CONFORMANCE_CASES"] == nil ? Int.max : 1
        let options = CaseOptions(storeKind: storeKind, writesStoresAtCommit: writesStoresAtCommit)
        let clock = ContinuousClock.now
        let differences = try CaseDifference.all()
        var total = Tally()
        var notes: [String] = []
        for file in try Self.files() {
            var tally = Tally()
            for (index, conformanceCase) in file.cases.enumerated() where index % step == 0 {
                let name = "\(file.area) / \(conformanceCase.name)"
                switch CaseRun(conformanceCase, options: options, difference: differences[name]).outcome() {
                case .passed: tally.passed += 1
                case .different(let why):
                    tally.different += 1
                    notes.append("\(name) differs on purpose: \(why)")
                case .impossible(let why):
                    tally.impossible += 1
                    notes.append("\(name) cannot be written: \(why)")
                case .unsupported(let what):
                    tally.unsupported += 1
                    notes.append("UNSUPPORTED \(name): \(what)")
                case .failed(let difference):
                    tally.failed += 1
                    notes.append("FAILED \(name): \(difference)")
                }
            }
            notes.append("conformance \(file.area): \(tally)")
            total += tally
        }
        let run = "\(storeKind), stores written \(writesStoresAtCommit ? "at each commit" : "behind")"
        print(
            (["conformance with \(run):"] + notes + ["conformance: \(total), in \(clock.duration(to: .now))"]).joined(
                separator: "\n"))
        #expect(total.failed == 0)
        #expect(total.unsupported == 0)
        #expect(total.passed > 0)
    }

    static func files() throws -> [CaseFile] {
        if let given = ProcessInfo.processInfo.environment["CONFORMANCE_CASES"] {
            return try files(in: URL(fileURLWithPath: given))
        }
        let resources = try #require(Bundle.module.resourceURL, "there are no case files")
        return try ["Cases", "MoreCases"].flatMap { try files(in: resources.appendingPathComponent($0)) }
    }

    private static func files(in folder: URL) throws -> [CaseFile] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
        return try names.sorted().map { name in
            try JSONDecoder().decode(CaseFile.self, from: Data(contentsOf: folder.appendingPathComponent(name)))
        }
    }
}

/// The number of cases by outcome.
private struct Tally: CustomStringConvertible {
    var passed = 0
    /// Passed, with an intended difference.
    var different = 0
    /// Passed, as the types make it impossible to write what Kafka Streams refuses.
    var impossible = 0
    var failed = 0
    var unsupported = 0

    static func += (left: inout Tally, right: Tally) {
        left.passed += right.passed
        left.different += right.different
        left.impossible += right.impossible
        left.failed += right.failed
        left.unsupported += right.unsupported
    }

    var description: String {
        "\(passed + different + impossible) passed (\(different) differ on purpose, \(impossible) cannot be written), "
            + "\(failed) failed, \(unsupported) unsupported"
    }
}
