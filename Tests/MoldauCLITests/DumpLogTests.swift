import Foundation
import ProgramSupport
import Testing

/// `moldau dump-log`, run the way users run it.
struct DumpLogTests {
    private let moldau = BuiltProgram("moldau")

    private func withSegment(_ body: (URL) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try moldau.run(["topics", "create", "orders", "--data", data])
            let produce = ["produce", "orders", "--key-separator", ":", "--timestamp", "1000", "--data", data]
            try moldau.run(produce + ["--header", "h=x"], input: "a:1\nb:2\n")
            try moldau.run(produce, input: "c:3\n")
            try body(URL(filePath: "\(data)/topics/orders-0/00000000000000000000.log"))
        }
    }

    @Test func `prints batches and their records`() throws {
        try withSegment { segment in
            let outcome = try moldau.run(["dump-log", "--files", segment.path, "--print-data-log"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let lines = outcome.output.split(separator: "\n")
            try #require(lines.count == 6, "\(outcome.output)")
            #expect(lines[0] == "Dumping \(segment.path)")
            #expect(lines[1].hasPrefix("baseOffset: 0 lastOffset: 1 count: 2 baseSequence: -1 lastSequence: -1 "))
            #expect(lines[1].contains(" position: 0 CreateTime: 1000 ") && lines[1].contains(" compresscodec: none "))
            #expect(
                lines[2] == "| offset: 0 CreateTime: 1000 keySize: 1 valueSize: 1 headerKeys: [h] key: a payload: 1")
            #expect(lines[4].hasPrefix("baseOffset: 2 lastOffset: 2 count: 1 "))
            #expect(
                lines[5] == "| offset: 2 CreateTime: 1000 keySize: 1 valueSize: 1 headerKeys: [] key: c payload: 3")
        }
    }

    @Test func `reports a damaged batch and an incomplete one`() throws {
        try withSegment { segment in
            var bytes = try Data(contentsOf: segment)
            let whole = bytes
            bytes[65] ^= 1
            try bytes.write(to: segment)
            let damaged = try moldau.run(["dump-log", "--files", segment.path])
            #expect(damaged.status != 0 && damaged.errors.contains("the batch at offset 0 is damaged"))
            try whole.dropLast().write(to: segment)
            let cut = try moldau.run(["dump-log", "--files", segment.path])
            #expect(cut.status == 0 && cut.output.contains("is incomplete: a record batch takes"))
            #expect(try moldau.run(["dump-log", "--files", "/nowhere"]).errors.contains("'/nowhere' cannot be read"))
        }
    }
}
