// The cost of decoding and encoding a record, by serde, and as a ratio to Foundation's JSON:
//
//     make costs
//     swift run -c release serde-costs [seconds a line]        without Protocol Buffers

import Foundation
import MoldauJSON
import MoldauRecords

#if Protobuf
    import MoldauProtobuf
    import SwiftProtobuf
#endif

/// About 100 bytes of JSON, like typical orders and readings.
struct Reading: JSONStreamCodable, Equatable {
    struct Place: Codable, Equatable {
        var room: String
        var floor: Int
    }

    var sensor = "boiler-7"
    var count = 4_711
    var celsius = 68.25
    var isValid = true
    var note: String?
    var place: Place? = Place(room: "east wing, cellar", floor: -1)
}

@main
struct SerdeCosts {
    static func main() throws {
        let seconds = CommandLine.arguments.dropFirst().first.flatMap(Double.init) ?? 0.5
        let reading = Reading()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let decoder = JSONDecoder()
        let data = try encoder.encode(reading)
        print("JSON, \(data.count) bytes: \(String(decoding: data, as: UTF8.self))")

        let bench = Bench(seconds: seconds)
        let read = try bench.time("JSON read, Foundation") { try decoder.decode(Reading.self, from: data) }
        let write = try bench.time("JSON write, Foundation") { try encoder.encode(reading) }
        try bench.time(Reading.serde, reading, "JSON", against: (read, write))
        try bench.time(String.serde, "boiler-7, east wing", "String", against: (read, write))
        try bench.time(Int64.serde, 4_711, "Int64", against: (read, write))
        try bench.time(Double.serde, 68.25, "Double", against: (read, write))
        try bench.time([UInt8].serde, [UInt8](data), "[UInt8], 100 bytes", against: (read, write))
        try bench.time(
            UUID.serde, UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)), "UUID",
            against: (read, write))
        try bench.time(
            Serde<[Int64]>.list(of: Int64.serde), [1, 2, 3, 4, 5, 6, 7, 8], "list of 8 Int64", against: (read, write))
        #if Protobuf
            let field = Google_Protobuf_Field.with {
                $0.name = "east wing, cellar"
                $0.jsonName = "boiler-7"
                $0.number = 4_711
                $0.kind = .typeDouble
                $0.packed = true
                $0.defaultValue = "68.25"
            }
            try bench.time(Serde.protobuf, field, "Protobuf, 6 fields", against: (read, write))
        #endif
    }
}

/// Measures calls: the best of five rounds, since noise only adds.
struct Bench {
    let seconds: Double

    func time<Value>(
        _ serde: Serde<Value>, _ value: Value, _ name: String, against base: (read: Double, write: Double)
    ) throws {
        var writer = ByteWriter()
        try serde.encode(value, &writer)
        let bytes = Array(writer.bytes)
        try time("\(name) read", against: base.read) { try serde.decode(bytes.span.bytes) }
        writer.removeAll()
        try time("\(name) write", against: base.write) {
            writer.removeAll()
            try serde.encode(value, &writer)
        }
    }

    @discardableResult
    func time<Result>(_ name: String, against base: Double? = nil, _ call: () throws -> Result) throws -> Double {
        var best = Double.infinity
        for _ in 0..<5 {
            let end = now() + seconds / 5
            while now() < end {
                let start = now()
                for _ in 0..<1_000 { blackHole(try call()) }
                best = min(best, (now() - start) / 1_000)
            }
        }
        let ratio = base.map { String(format: "%6.1f× faster", $0 / best) } ?? ""
        print(name.padding(toLength: 28, withPad: " ", startingAt: 0) + String(format: "%8.0f ns", best * 1e9) + ratio)
        return best
    }

    private func now() -> Double { ProcessInfo.processInfo.systemUptime }
}

@inline(never) @_optimize(none)
func blackHole<Value>(_ value: Value) {}
