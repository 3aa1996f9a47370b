// The records of groups in the topic `__consumer_offsets`, in Kafka's formats. A key begins with its kind, an i16:
//
//     0, 1   a committed offset (GroupOffsets.swift)
//     2      a group of the classic protocol (ClassicGroupRecord.swift)
//     3–8    a group of the consumer protocol (ConsumerGroupRecord.swift)

internal import MoldauLog
package import MoldauRecords

/// One record of the coordinator; each replaces an earlier one of the same key.
package enum GroupRecord: Equatable, Sendable {
    case offset(OffsetRecord)
    /// nil: the group no longer has members or a generation.
    case classicGroup(String, ClassicGroupRecord?)
    case consumer(String, ConsumerGroupRecord)

    /// The limit for a text in a record, in bytes of UTF-8.
    static let maxTextBytes = Int(Int16.max)

    /// nil for records of another kind, and for invalid bytes.
    package init?(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) {
        guard let key, let record = try? Self(reading: key, value) else { return nil }
        self = record
    }

    private init(reading key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws(SerdeError) {
        var fields = FieldReader(key, of: "key of a group's record")
        let kind: Int16 = try fields.number()
        switch kind {
        case 0, 1:
            guard let record = OffsetRecord(key: key, value: value) else { throw fields.malformed("it is invalid") }
            self = .offset(record)
        case 2:
            let group = try fields.shortText()
            guard let value else {
                self = .classicGroup(group, nil)
                return
            }
            self = .classicGroup(group, try ClassicGroupRecord(reading: value))
        case ConsumerGroupRecord.kinds:
            let group = try fields.shortText()
            let memberID = kind == 5 || kind >= 7 ? try fields.shortText() : ""
            self = .consumer(group, try ConsumerGroupRecord(kind: kind, memberID, value))
        default: throw fields.malformed("it is of another kind")
        }
    }

    /// The group that the record belongs to.
    package var group: String {
        switch self {
        case .offset(let record): record.group
        case .classicGroup(let group, _), .consumer(let group, _): group
        }
    }

    /// Encodes the key.
    package func encodeKey(_ writer: inout ByteWriter) {
        switch self {
        case .offset(let record): record.encodeKey(&writer)
        case .classicGroup(let group, _):
            writer.append(bigEndian: Int16(2))
            writer.append(shortText: group)
        case .consumer(let group, let record):
            writer.append(bigEndian: record.kind)
            writer.append(shortText: group)
            if let member = record.memberID { writer.append(shortText: member) }
        }
    }

    /// Encodes the value.
    /// - Returns: whether there is a value; otherwise the record deletes what is stored for its key.
    package func encodeValue(_ writer: inout ByteWriter) -> Bool {
        switch self {
        case .offset(let record):
            guard let offset = record.offset else { return false }
            OffsetRecord.encode(offset, &writer)
        case .classicGroup(_, let record):
            guard let record else { return false }
            record.encode(&writer)
        case .consumer(_, let record): return record.encode(&writer)
        }
        return true
    }
}
