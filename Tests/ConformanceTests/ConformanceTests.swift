import Foundation
import MoldauState
import Testing

/// Runs topologies whose results Kafka Streams recorded, and compares case by case.
///
/// `CONFORMANCE_CASES=<folder>` reads another folder of case files. Prints a line per failing case and the counts per area and in all.
struct ConformanceTests {
    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `every case that is built gives what Kafka Streams gave`(storeKind: StoreKind) throws {
        var total = Tally()
        for file in try Self.files() {
            var tally = Tally()
            for conformanceCase in file.cases {
                switch CaseRun(conformanceCase: conformanceCase, storeKind: storeKind).outcome() {
                case .passed: tally.passed += 1
                case .unsupported(let what):
                    tally.unsupported += 1
                    tally.reasons[what, default: 0] += 1
                case .failed(let difference):
                    tally.failed += 1
                    print("FAILED \(file.area) / \(conformanceCase.name): \(difference)")
                }
            }
            print("conformance \(file.area): \(tally)\(tally.reasonText)")
            total += tally
        }
        print("conformance: \(total)")
        #expect(total.failed == 0)
        #expect(total.passed > 0)
    }

    static func files() throws -> [CaseFile] {
        let folder =
            ProcessInfo.processInfo.environment["CONFORMANCE_CASES"].map { URL(fileURLWithPath: $0) }
            ?? Bundle.module.resourceURL?.appendingPathComponent("Cases")
        let found = try #require(folder, "there is no folder of cases")
        let names = try FileManager.default.contentsOfDirectory(atPath: found.path).filter { $0.hasSuffix(".json") }
        return try names.sorted().map { name in
            try JSONDecoder().decode(CaseFile.self, from: Data(contentsOf: found.appendingPathComponent(name)))
        }
    }
}

/// How many cases went which way.
private struct Tally: CustomStringConvertible {
    var passed = 0
    var failed = 0
    var unsupported = 0
    var reasons: [String: Int] = [:]

    static func += (left: inout Tally, right: Tally) {
        left.passed += right.passed
        left.failed += right.failed
        left.unsupported += right.unsupported
    }

    var description: String { "\(passed) passed, \(failed) failed, \(unsupported) unsupported" }

    var reasonText: String {
        reasons.isEmpty
            ? ""
            : " (" + reasons.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ") + ")"
    }
}
