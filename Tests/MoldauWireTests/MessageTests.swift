import MoldauRecords
import MoldauWire
import Testing

/// A message of an API in one direction.
struct MessageKind: CustomTestStringConvertible, Sendable {
    let api: ApiKey
    let isRequest: Bool

    var type: any WireMessage.Type { api.message(isRequest: isRequest) }
    var testDescription: String { "\(type)" }

    static let all = ApiKey.allCases.flatMap { api in
        [true, false].map { MessageKind(api: api, isRequest: $0) }
    }

    /// A message with random fields in each version, and its bytes.
    func samples(seeds: Range<UInt64>, _ check: (any WireMessage, Int16, [UInt8]) throws -> Void) throws {
        for version in api.versions {
            for seed in seeds {
                var message = type.init()
                try message.visit(RandomFields(seed: seed << 8 | UInt64(version)), version: version)
                try check(message, version, try message.encoded(version: version))
            }
        }
    }
}

struct MessageTests {
    @Test(arguments: MessageKind.all)
    func `a written message is read back unchanged, in every version`(kind: MessageKind) throws {
        func check<Message: WireMessage>(_ message: Message, _ version: Int16, _ bytes: [UInt8]) throws {
            let read = try Message.decode(bytes, version: version)
            #expect(read == message, "version \(version)")
            #expect(try read.encoded(version: version) == bytes)
        }
        try kind.samples(seeds: 0..<10) { try check($0, $1, $2) }
    }

    @Test(arguments: MessageKind.all)
    func `truncated bytes are refused, and bytes after the last field are ignored`(kind: MessageKind) throws {
        try kind.samples(seeds: 0..<2) { message, version, bytes in
            let type: any WireMessage.Type = Swift.type(of: message)
            for count in 0..<bytes.count {
                #expect(throws: SerdeError.self, "\(count) of \(bytes.count) bytes, version \(version)") {
                    try type.decode(Array(bytes.prefix(count)), version: version)
                }
            }
            func read<Message: WireMessage>(_: Message.Type) throws {
                #expect(try Message.decode(bytes + [0], version: version) == message as? Message)
            }
            try read(type)
        }
    }

    @Test(arguments: MessageKind.all)
    func `damaged bytes are refused or read, and never trap`(kind: MessageKind) throws {
        var generator = SeededGenerator(seed: 7)
        func read<Message: WireMessage>(_: Message.Type, _ bytes: [UInt8], _ version: Int16) throws {
            guard let message = try? Message.decode(bytes, version: version) else { return }
            // A message that was read can be written, and is read back the same.
            let again = try message.encoded(version: version)
            #expect(try Message.decode(again, version: version) == message)
        }
        try kind.samples(seeds: 0..<5) { message, version, bytes in
            guard !bytes.isEmpty else { return }
            let type: any WireMessage.Type = Swift.type(of: message)
            for _ in 0..<30 {
                var damaged = bytes
                for _ in 0...(generator.next() % 3) {
                    let place = Int(generator.next() % UInt64(damaged.count))
                    damaged[place] = [0, 1, 0x7f, 0x80, 0xff, UInt8(truncatingIfNeeded: generator.next())]
                        .randomElement(using: &generator)!
                }
                try read(type, damaged, version)
            }
        }
    }
}
