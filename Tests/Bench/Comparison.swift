import ArgumentParser
import Foundation

/// Runs this program and another one in alternation, and compares how many records each processes per second of CPU
/// time.
struct Comparison {
    let workload: Workload
    let input: String
    let against: String
    let scratch: String

    func run(pairs: Int) throws {
        var ratios: [Double] = []
        for pair in 1...pairs {
            let ours = try recordsPerCPUSecond(CommandLine.executable, ownArguments)
            let directory = "\(scratch)/moldau-bench-limit-\(ProcessInfo.processInfo.processIdentifier)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let theirs = try recordsPerCPUSecond(against, [workload.rawValue, input, directory])
            ratios.append(ours / theirs)
            print("pair \(pair) \(workload) ours \(Int(ours)) limit \(Int(theirs)) ratio \(rounded(ours / theirs))")
        }
        ratios.sort()
        print("ratio \(workload) \(rounded(ratios[ratios.count / 2]))")
    }

    private func rounded(_ ratio: Double) -> String { String(format: "%.3f", ratio) }

    /// The arguments of this program, without those of the comparison.
    private var ownArguments: [String] {
        var arguments: [String] = []
        var rest = CommandLine.arguments.dropFirst()
        while let argument = rest.popFirst() {
            if ["--against", "--pairs"].contains(argument) {
                _ = rest.popFirst()
            } else if !argument.hasPrefix("--against=") && !argument.hasPrefix("--pairs=") {
                arguments.append(argument)
            }
        }
        return arguments
    }

    /// Runs a program that prints a field `per_cpu_s`.
    private func recordsPerCPUSecond(_ program: String, _ arguments: [String]) throws -> Double {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        print(text, terminator: "")
        let words = text.split(whereSeparator: \.isWhitespace)
        guard process.terminationStatus == 0, let field = words.firstIndex(of: "per_cpu_s"),
            words.indices.contains(field + 1), let number = Double(words[field + 1])
        else { throw ValidationError("\(program) failed") }
        return number
    }
}

extension CommandLine {
    fileprivate static var executable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? arguments[0]
    }
}
