import Foundation
import ProgramSupport
import Testing

/// `moldau repair`, run the way users run it.
struct RepairCommandTests {
    private let moldau = BuiltProgram("moldau")

    private func run(_ arguments: String..., input: String? = nil, data: String) throws -> BuiltProgram.Outcome {
        try moldau.run(arguments + ["--data", data], input: input)
    }

    @Test func `shows damage and the cost of a repair, and repairs only with --apply`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            #expect(try run("topics", "create", "orders", data: data).status == 0)
            for line in ["one\n", "two\n", "three\n"] {
                #expect(try run("produce", "orders", input: line, data: data).status == 0)
            }
            #expect(try run("repair", data: data).output == "1 partition read, no damage found\n")

            let segment = URL(filePath: "\(data)/topics/orders-0/00000000000000000000.log")
            var bytes = try Data(contentsOf: segment)
            let place = try #require(bytes.range(of: Data("two".utf8))).lowerBound
            bytes[place] = UInt8(ascii: "T")
            try bytes.write(to: segment)
            let broken = try run("consume", "orders", data: data)
            #expect(broken.status != 0 && broken.errors.contains("moldau repair"), "\(broken.errors)")

            let list = try run("repair", data: data)
            #expect(list.status == 0 && list.output.contains("orders-0:\n  segment 0, bytes "), "\(list)")
            #expect(list.output.contains("offsets 1 up to, not including, 2: "), "\(list.output)")
            #expect(list.output.hasSuffix("1 partition read, 1 damaged\n"), "\(list.output)")

            let dry = try run("repair", "orders-0", data: data)
            #expect(dry.output.contains("with --apply the offsets 1 up to, not including, 2 are lost"), "\(dry.output)")
            let cut = try run("repair", "orders-0", "--truncate", data: data)
            #expect(cut.output.contains("with --apply the offsets 1 up to, not including, 3 are lost"), "\(cut.output)")
            #expect(try Data(contentsOf: segment) == bytes, "nothing is changed without --apply")

            #expect(try run("repair", "orders-0", "--apply", data: data).status == 0)
            #expect(try run("repair", data: data).output == "1 partition read, no damage found\n")
            #expect(try run("produce", "orders", input: "four\n", data: data).status == 0)
            let printed = try run("consume", "orders", "--offsets", data: data)
            #expect(printed.output == "0\tone\n2\tthree\n3\tfour\n", "\(printed)")
        }
    }

    @Test func `reports what it cannot repair`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let missing = try run("repair", data: data)
            #expect(missing.status != 0 && missing.errors.contains("there is no directory"), "\(missing.errors)")
            #expect(try run("topics", "create", "orders", data: data).status == 0)
            let other = try run("repair", "order-0", data: data)
            #expect(other.status != 0 && other.errors.contains("no partition of that name"), "\(other.errors)")
            #expect(try run("repair", "--apply", data: data).status != 0)
        }
    }

    @Test(arguments: ["__consumer_offsets", "__transaction_state"])
    func `users cannot create the internal topics`(topic: String) throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let outcome = try run("topics", "create", topic, data: data)
            #expect(outcome.status != 0 && outcome.errors.contains("the cluster's own records"), "\(outcome.errors)")
        }
    }
}
