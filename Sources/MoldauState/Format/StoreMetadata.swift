// A store's metadata, stored with its data and written in the same atomic step. Numbers are big-endian; text is its
// length (UInt32) and UTF-8:
//
//     version 1, 2 or 3 (UInt8) │ changelog offset, −1 for none (Int64) │ number of positions (UInt32)
//     then per position: topic (text) │ partition (Int32) │ offset (Int64)
//     from version 2 on: stream time (Int64)
//     in version 3: note of the form (text, see StoreForm; empty: none) │ retention in ms, −1 for none (Int64)
//         │ width of buckets in ms (Int64) │ id of the changelog topic (16 bytes, zeros: none)
//         │ number of topics (UInt32), then per topic: name (text) │ id (16 bytes)
//         │ key from which on rows must still be appended to the changelog again: 1 and text of bytes, or 0
//         │ number of the last duplicate (Int32)
//
// Versions 1 and 2 can be read; what they lack is unknown then. Metadata without any of the later fields is written in
// the older versions.

import MoldauRecords

/// Describes a store's data: how much of the changelog and of the input it contains, and its form.
package struct StoreMetadata: Equatable {
    /// The first changelog offset that the data does not contain: a restore starts there. nil: from the beginning.
    package var changelogOffset: Offset?
    /// For each input partition, the first offset that the data does not contain.
    package var positions: [TopicPartition: Offset] = [:]

    /// The greatest time that was written; −1: none, or the store does not track time.
    package var streamTime: Int64 = -1

    /// The form of the rows; nil: unknown.
    package var form: StoreForm?
    /// How much time a bucket of a windowed store covers; nil: unknown, or rows are being moved from buckets of one
    /// width to another.
    package var bucketMs: Int64?
    /// The id of the changelog that `changelogOffset` refers to; nil: unknown.
    package var changelogID: TopicID?
    /// The ids of the topics that `positions` refer to, as far as they are known.
    package var topicIDs: [String: TopicID] = [:]
    /// The rows from this key on must be appended to the changelog again, because it has lost some; nil: none.
    package var rewriteFrom: [UInt8]?
    /// The number of the last entry in a store that retains duplicates; 0: none has a number.
    package var lastDuplicate: Int32 = 0

    package init() {}

    private var isPlain: Bool {
        form == nil && bucketMs == nil && changelogID == nil && topicIDs.isEmpty && rewriteFrom == nil
            && lastDuplicate == 0
    }

    func encode(into writer: inout ByteWriter) {
        writer.append(byte: isPlain ? streamTime < 0 ? 1 : 2 : 3)
        writer.append(bigEndian: changelogOffset?.value ?? -1)
        writer.append(bigEndian: UInt32(positions.count))
        for (partition, offset) in positions.sorted(by: { $0.key < $1.key }) {
            writer.append(text: partition.topic)
            writer.append(bigEndian: partition.partition.number)
            writer.append(bigEndian: offset.value)
        }
        if isPlain {
            if streamTime >= 0 { writer.append(bigEndian: streamTime) }
            return
        }
        writer.append(bigEndian: streamTime)
        writer.append(text: form?.note ?? "")
        writer.append(bigEndian: form?.retentionMs ?? -1)
        writer.append(bigEndian: bucketMs ?? -1)
        writer.append(changelogID)
        writer.append(bigEndian: UInt32(topicIDs.count))
        for (topic, id) in topicIDs.sorted(by: { $0.key < $1.key }) {
            writer.append(text: topic)
            writer.append(id)
        }
        writer.append(byte: rewriteFrom == nil ? 0 : 1)
        if let rewriteFrom { writer.append(sized: rewriteFrom) }
        writer.append(bigEndian: lastDuplicate)
    }

    /// Decodes what `encode` wrote.
    /// - Throws: `StateError.malformedMetadata`.
    init(decoding bytes: UnsafeRawBufferPointer, store: String) throws(StateError) {
        var reader = FieldReader(bytes, of: "store's metadata")
        do throws(SerdeError) { try read(&reader) } catch {
            throw .malformedMetadata(store: store, reason: "\(error)")
        }
    }

    private mutating func read(_ reader: inout FieldReader) throws(SerdeError) {
        let version: UInt8 = try reader.number()
        guard (1...3).contains(version) else { throw reader.malformed("version \(version), expected 1 to 3") }
        let offset: Int64 = try reader.number()
        changelogOffset = offset < 0 ? nil : Offset(offset)
        for _ in 0..<(try reader.number(UInt32.self)) {  // Throws if the count is greater than what is there.
            let partition = TopicPartition(try reader.text(), try reader.number(Int32.self))
            positions[partition] = Offset(try reader.number())
        }
        if version >= 2 { streamTime = try reader.number() }
        if version == 3 { try readForm(&reader) }
    }

    private mutating func readForm(_ reader: inout FieldReader) throws(SerdeError) {
        let note = try reader.text()
        form = StoreForm(note: note)
        if form == nil, !note.isEmpty { throw reader.malformed("'\(note.prefix(80))' is not a form of a store") }
        let (retention, width) = (try reader.number(Int64.self), try reader.number(Int64.self))
        form?.retentionMs = retention < 0 ? nil : retention
        bucketMs = width < 1 ? nil : width
        changelogID = try reader.topicID()
        for _ in 0..<(try reader.number(UInt32.self)) {
            let topic = try reader.text()
            topicIDs[topic] = try reader.topicID()
        }
        if try reader.number(UInt8.self) != 0 { rewriteFrom = try reader.sizedBytes().map { Array($0) } }
        lastDuplicate = try reader.number(Int32.self) & .max
    }
}

extension FieldReader {
    fileprivate mutating func topicID() throws(SerdeError) -> TopicID? {
        let id = TopicID(high: try number(UInt64.self), low: try number(UInt64.self))
        return id.high == 0 && id.low == 0 ? nil : id
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ id: TopicID?) {
        append(bigEndian: id?.high ?? 0)
        append(bigEndian: id?.low ?? 0)
    }
}
