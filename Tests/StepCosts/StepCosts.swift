// The costs of a record's steps, one by one: `make bench-check` compares them with Tests/StepCosts/thresholds.json.
//
//     step-costs                        the names of the steps
//     step-costs NAME [RECORDS]         runs one, and prints nanoseconds of CPU time and allocations per record

import CountedAllocations
import Foundation

/// A step, whose preparation is not measured.
struct Step: Sendable {
    let name: String
    /// Prepares for that many records, and returns the closure to measure.
    let prepare: @Sendable (Int) throws -> () throws -> Void
}

@main
struct StepCosts {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first else { return print(steps.map(\.name).joined(separator: "\n")) }
        guard let step = steps.first(where: { $0.name == name }),
            let count = Int(arguments.dropFirst().first ?? "100000")
        else {
            FileHandle.standardError.write(Data("usage: step-costs [NAME [RECORDS]]; no name lists them\n".utf8))
            exit(2)
        }
        let body = try step.prepare(count)
        let (time, allocations) = (processorNanoseconds(), counted_allocations())
        try measuredPart(body)
        let (timeSpent, allocated) = (processorNanoseconds() - time, counted_allocations() - allocations)
        print(
            "step \(name) records \(count) ns_per_record \(perRecord(timeSpent, count))",
            "allocations_per_record \(perRecord(Double(allocated), count))")
    }

    private static func perRecord(_ total: Double, _ count: Int) -> String {
        String(format: "%.4f", total / Double(count))
    }

    private static func processorNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}

/// Callgrind finds it by its name and counts the instructions inside it.
@inline(never)
func measuredPart(_ body: () throws -> Void) rethrows { try body() }
