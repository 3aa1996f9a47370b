import ArgumentParser
import MoldauRecords

/// The options that choose what is printed of a record.
struct LineFormat: ParsableArguments {
    @Flag(help: "Print the partition.")
    var partitions = false

    @Flag(help: "Print the offset.")
    var offsets = false

    @Flag(help: "Print the timestamp, in milliseconds since 1970.")
    var timestamps = false

    @Flag(help: "Print the headers, as name=text, separated by commas.")
    var headers = false

    @Flag(help: "Print the key.")
    var keys = false

    @Option(help: "The type of the keys: string or bytes (both printed as they are), int64 or hex.")
    var keyType = TextForm.string

    @Option(help: "The type of the values: string or bytes (both printed as they are), int64 or hex.")
    var valueType = TextForm.string

    /// The line's bytes, without a newline.
    /// - Throws: `CommandFailure` if the key or value does not have the given type.
    func line(_ record: RecordView, of partition: TopicPartition) throws -> [UInt8] {
        var columns: [[UInt8]] = []
        if partitions { columns.append(Array("\(partition.partition)".utf8)) }
        if offsets { columns.append(Array("\(record.offset)".utf8)) }
        if timestamps { columns.append(Array("\(record.timestamp)".utf8)) }
        if headers {
            let texts = try record.headers().map { Array("\($0.name)=".utf8) + ($0.value ?? Array("null".utf8)) }
            columns.append(Array(texts.joined(separator: CollectionOfOne(UInt8(ascii: ",")))))
        }
        if keys { columns.append(try text(record.key, keyType, "key", record, partition)) }
        columns.append(try text(record.value, valueType, "value", record, partition))
        return Array(columns.joined(separator: CollectionOfOne(UInt8(ascii: "\t"))))
    }

    private func text(
        _ bytes: UnsafeRawBufferPointer?, _ form: TextForm, _ part: String, _ record: RecordView,
        _ partition: TopicPartition
    ) throws -> [UInt8] {
        guard let bytes else { return Array("null".utf8) }
        do {
            return try form.text(bytes)
        } catch {
            throw CommandFailure(
                "the \(part) of \(partition) at offset \(record.offset) is not \(form.rawValue): \(error); "
                    + "choose another --\(part)-type")
        }
    }
}
