// The values of a table's repartition topic (KIP-904): new + 0x01, old + 0x00, or varint(length of new) + new + old +
// 0x02.

import MoldauRecords
import MoldauTopology

extension Serde {
    /// The serde of a row's change.
    static func change(of value: Serde) -> Serde<Change<Value>> {
        value.lifted { value in
            Serde<Change<Value>>(
                encode: { change, writer in
                    switch (change.new, change.old) {
                    case (let new?, nil):
                        try value.encode(new, &writer)
                        writer.append(byte: 1)
                    case (nil, let old?):
                        try value.encode(old, &writer)
                        writer.append(byte: 0)
                    case (let new?, let old?):
                        var bytes = ByteWriter()
                        try value.encode(new, &bytes)
                        writer.append(varint: Int64(bytes.count))
                        writer.append(contentsOf: bytes.bytes)
                        try value.encode(old, &writer)
                        writer.append(byte: 2)
                    case (nil, nil):
                        throw SerdeError.malformed(
                            type: "Change", reason: "a change has neither a new nor an old value")
                    }
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { try decodeChange($0, value) }
                })
        }
    }
}

private func decodeChange<Value>(_ bytes: UnsafeRawBufferPointer, _ value: Serde<Value>) throws -> Change<Value> {
    func malformed(_ reason: String) -> SerdeError { .malformed(type: "Change", reason: reason) }
    func part(_ range: Range<Int>) throws -> Value {
        try value.decode(UnsafeRawBufferPointer(rebasing: bytes[range]).bytes)
    }
    guard let kind = bytes.last else { throw malformed("it is empty") }
    let end = bytes.count - 1
    switch kind {
    case 0: return Change(new: nil, old: try part(0..<end))
    case 1: return Change(new: try part(0..<end), old: nil)
    case 2:
        var reader = FieldReader(UnsafeRawBufferPointer(rebasing: bytes[..<end]), of: "Change")
        let new = try reader.bytes(Int(try reader.varint()))
        return Change(new: try value.decode(new.bytes), old: try value.decode(reader.rest.bytes))
    default: throw malformed("its kind is \(kind), not 0, 1 or 2")
    }
}
