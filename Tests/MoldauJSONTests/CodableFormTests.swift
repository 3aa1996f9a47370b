import Foundation
import MoldauJSON
import MoldauRecords
import Testing

/// The less common ways in which types encode and decode themselves, compared with Foundation.
struct CodableFormTests {
    private func check<Value: Codable & Equatable & SendableMetatype>(_ value: Value) throws {
        let text = try Serde<Value>.json.text(value)
        #expect(try text == foundationJSON(value))
        #expect(try Serde<Value>.json.value(text) == value)
    }

    class Animal: Codable, Equatable {
        var legs = 4
        init() {}
        static func == (one: Animal, other: Animal) -> Bool { one.legs == other.legs }
    }

    final class Dog: Animal, @unchecked Sendable {
        var name = "Rex"
        enum Keys: String, CodingKey { case name, legs }

        override init() { super.init() }

        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            name = try container.decode(String.self, forKey: .name)
            try super.init(from: container.superDecoder())
        }

        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(name, forKey: .name)
            try super.encode(to: container.superEncoder())
        }
    }

    @Test func `a subclass encodes its superclass under the key super`() throws {
        #expect(try Serde<Dog>.json.text(Dog()) == #"{"name":"Rex","super":{"legs":4}}"#)
        let dog = try Serde<Dog>.json.value(#"{"name":"Bello","super":{"legs":3}}"#)
        #expect(dog.name == "Bello" && dog.legs == 3)
        // A missing `super` decodes as null, which is not an object.
        #expect(throws: SerdeError.self) { try Serde<Dog>.json.value(#"{"name":"Bello"}"#) }
    }

    /// Fills two nested containers alternately, after fields of the outer one.
    struct Interleaved: Codable, Equatable {
        var numbers = [1, 2, 3]
        enum Keys: String, CodingKey { case z, list, map, last }

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            var list = try container.nestedUnkeyedContainer(forKey: .list)
            #expect(list.count == 4)
            numbers = []
            while !list.isAtEnd {
                if try list.decodeNil() { break }
                numbers.append(try list.decode(Int.self))
            }
            let map = try container.nestedContainer(keyedBy: Keys.self, forKey: .map)
            #expect(map.contains(.last) && !map.contains(.list))
            #expect(try map.decodeNil(forKey: .last))
            #expect(map.allKeys.map(\.rawValue).sorted() == ["last", "z"])
            #expect(throws: DecodingError.self) { try list.decode(Int.self) }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode("first", forKey: .z)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            var map = container.nestedContainer(keyedBy: Keys.self, forKey: .map)
            for number in numbers {
                try list.encode(number)
                try map.encode(number, forKey: .z)
            }
            try list.encodeNil()
            try map.encodeNil(forKey: .last)
            var again = encoder.container(keyedBy: Keys.self)
            try again.encode("second", forKey: .z)
        }
    }

    @Test func `containers can be filled in any order, and the last value of a duplicate key is written`() throws {
        #expect(
            try Serde<Interleaved>.json.text(Interleaved())
                == #"{"list":[1,2,3,null],"map":{"last":null,"z":3},"z":"second"}"#)
        try check(Interleaved())
    }

    /// Tries to encode something that JSON cannot represent, then encodes something else.
    struct Fallback: Encodable {
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try? container.encode(["a": Double.nan])
            try? container.encode(Double.infinity)
            try container.encode("fallback")
        }
    }

    @Test func `a value that fails to encode leaves nothing behind`() throws {
        struct Value: Codable, Equatable {
            var fallback: String
            init(from decoder: any Decoder) throws { fallback = "" }
            func encode(to encoder: any Encoder) throws { try Fallback().encode(to: encoder) }
        }
        #expect(try Serde<Value>.json.text(Serde<Value>.json.value("0")) == #"["fallback"]"#)
    }

    @Test func `plain values, arrays and dictionaries can be at the top level`() throws {
        try check(5)
        try check("ü")
        try check([1.5, -0.25])
        try check([[String: [Int]]]())
        try check(["b": [1], "a": []])
        try check([Int?.none, 3])
        try check(Date(timeIntervalSinceReferenceDate: 0.5))
        try check(Data([1, 2, 3]))
        try check(Set([7]))
        try check(Float(0.1))
        try check(Int128.min)
        try check(1...5)
    }

    @Test func `large objects are read by key like small ones`() throws {
        let large = Dictionary(uniqueKeysWithValues: (0..<1_000).map { ("key \($0) \"ü\"", $0) })
        #expect(try Serde<[String: Int]>.json.value(Serde.json.text(large)) == large)
        let doubled = "{" + (0..<100).map { "\"\($0 % 50)\":\($0)" }.joined(separator: ",") + "}"
        #expect(
            try Serde<[String: Int]>.json.value(doubled)
                == Dictionary(uniqueKeysWithValues: (0..<50).map { ("\($0)", $0) }))
    }

    /// Keeps its decoder and decodes later.
    struct Lazy: Codable {
        let decoder: any Decoder
        init(from decoder: any Decoder) { self.decoder = decoder }
        func encode(to encoder: any Encoder) {}
    }

    @Test func `a decoder that was kept still reads its own document`() throws {
        let serde = Serde<Lazy>.json
        let lazies = try (0..<3).map { try serde.value("[\"text number \($0)\"]") }
        #expect(try lazies.map { try [String](from: $0.decoder) } == (0..<3).map { ["text number \($0)"] })
    }

    @Test func `a value that encodes nothing is an error at the top and an empty object inside`() throws {
        struct Nothing: Codable, Equatable {
            init() {}
            init(from decoder: any Decoder) {}
            func encode(to encoder: any Encoder) {}
        }
        #expect(throws: SerdeError.self) { try Serde<Nothing>.json.text(Nothing()) }
        try check([Nothing()])
        try check(["a": Nothing()])
    }

    @Test func `threads can share a serde`() async {
        let serde = Sample.serde
        await withTaskGroup(of: Void.self) { group in
            for seed in 0..<4 {
                group.addTask {
                    var random = Seeded(state: UInt64(seed))
                    for _ in 0..<50 {
                        let sample = Sample(from: &random)
                        #expect((try? serde.value(serde.text(sample))) == sample)
                    }
                }
            }
        }
    }
}
