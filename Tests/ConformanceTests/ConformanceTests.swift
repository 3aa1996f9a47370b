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
    func `every case has the results of Kafka Streams`(storeKind: StoreKind, writesStoresAtCommit: Bool) throws {
        // Writing files at each commit takes minutes: the first case of each area shows that it changes nothing.
        let isSlow = storeKind == .rocksDB && writesStoresAtCommit
        let isShort = isSlow && ProcessInfo.processInfo.environment["CONFORMANCE_CASES"] == nil
        let options = CaseOptions(storeKind: storeKind, writesStoresAtCommit: writesStoresAtCommit)
        let place = "\(storeKind), stores written \(writesStoresAtCommit ? "at each commit" : "behind")"
        let total = try ConformanceRun(place: place, casesPerArea: isShort ? 1 : .max).tally { _ in options }
        #expect(total.failed == 0)
        #expect(total.unsupported == 0)
        #expect(total.passed > 0)
    }
}

/// A run of all cases, or of the first ones of each area.
struct ConformanceRun {
    /// A description of where and how the cases run.
    let place: String
    let casesPerArea: Int
    /// Cases with more steps are left out.
    var mostInputs = Int.max

    /// Runs the cases, and prints the results, area by area.
    /// - Parameter options: of the case with that number.
    func tally(_ options: (Int) -> CaseOptions) throws -> Tally {
        let clock = ContinuousClock.now
        let differences = try CaseDifference.all()
        var total = Tally()
        for file in try Self.files() {
            var tally = Tally()
            let cases = file.cases.filter { $0.inputs?.count ?? 0 <= mostInputs }
            for conformanceCase in cases.prefix(casesPerArea) {
                let name = "\(file.area) / \(conformanceCase.name)"
                let options = options(total.count + tally.count)
                var run = CaseRun(conformanceCase, options: options, difference: differences[name])
                tally.add(run.outcome(), of: name)
            }
            // Concurrent runs must not mix their lines.
            print((tally.notes + ["conformance \(file.area) with \(place): \(tally)"]).joined(separator: "\n"))
            fflush(nil)
            total += tally
        }
        print("conformance: \(total), with \(place), in \(clock.duration(to: .now))")
        return total
    }

    private static func files() throws -> [CaseFile] {
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
