import ArgumentParser
import ExampleSupport
import Foundation
import Moldau

/// Sums over the output of a workload.
struct OutputSums: CustomStringConvertible {
    private let workload: Workload
    private var records = 0
    /// w1: of all counts; w2: of the last sums; w3: of the results' bytes.
    private var sum = 0.0
    /// By key; for a windowed key, its bytes including the window.
    private var last: [[UInt8]: Double] = [:]

    /// Reads the whole output. Blocks.
    init(of workload: Workload, on cluster: any Cluster) throws {
        self.workload = workload
        var sums = (records: 0, sum: 0.0, last: [[UInt8]: Double]())
        try cluster.port.readAll(workload.output) { batches in
            var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
            while let record = try reader.next() {
                sums.records += 1
                guard let value = record.value, let key = record.key else { continue }
                switch workload {
                case .w1:
                    let count = Double(try Int64.serde.decode(value.bytes))
                    sums.sum += count
                    sums.last[Array(key)] = count
                case .w2: sums.last[Array(key)] = try Double.serde.decode(value.bytes)
                case .w3: sums.sum += Double(value.count)
                }
            }
        }
        (records, sum, last) = sums
        if workload == .w2 { sum = last.values.sorted().reduce(0, +) }
    }

    /// w1: how many words were counted.
    var wordCount: Double { last.values.reduce(0, +) }

    var description: String { workload == .w2 ? String(format: "%.4f", sum) : "\(Int(sum))" }

    /// - Parameters:
    ///   - expected: lines of `name field=number …`.
    ///   - everyChange: whether each change of a table was written.
    func compare(with expected: String, everyChange: Bool) throws {
        let name = workload.rawValue.uppercased() + " "
        guard let line = expected.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
            throw ValidationError("EXPECTED.txt says nothing of \(workload)")
        }
        func number(_ field: String) throws -> Double {
            let words = line.split(separator: " ")
            guard let word = words.first(where: { $0.hasPrefix(field + "=") }),
                let number = Double(word.dropFirst(field.count + 1))
            else { throw ValidationError("EXPECTED.txt has no \(field) of \(workload)") }
            return number
        }
        func require(_ what: String, _ got: Double, _ wanted: Double) throws {
            guard abs(got - wanted) <= abs(wanted) * 1e-9 else {
                throw ValidationError("wrong result: \(what) is \(got), not \(wanted)")
            }
        }
        switch workload {
        case .w1:
            try require("the number of words", wordCount, try number("words"))
            try require("the number of different words", Double(last.count), try number("distinct"))
            guard everyChange else { return }
            try require("the number of counts", Double(records), try number("updates"))
            try require("the sum of all counts", sum, try number("sumOfEmittedCounts"))
        case .w2:
            try require("the number of windows", Double(last.count), try number("windowResults"))
            try require("the sum of sums", sum, try number("sumOfSums"))
            if everyChange { try require("the number of sums", Double(records), try number("events")) }
        case .w3:
            try require("the number of results", Double(records), try number("joined"))
            try require("the bytes of all results", sum, try number("sumOf(payload+value)Bytes"))
        }
    }
}
