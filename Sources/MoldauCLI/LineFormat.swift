import ArgumentParser
import MoldauRecords

/// What is printed of a record.
struct LineFormat: ParsableArguments {
    @Flag(help: "Print the partition.")
    var partitions = false

    @Flag(help: "Print the offset.")
    var offsets = false

    @Flag(help: "Print the timestamp, in milliseconds since 1970.")
    var timestamps = false

    @Flag(help: "Print the headers, as name=text with commas in between.")
    var headers = false

    @Flag(help: "Print the key.")
    var keys = false

    @Option(help: "What the keys are: string, int64 or hex.")
    var keyType = TextForm.string

    @Option(help: "What the values are: string, int64 or hex.")
    var valueType = TextForm.string

    /// - Throws: `CommandFailure` where key or value are not of the type that was given.
    func line(_ record: RecordView, of partition: TopicPartition) throws -> String {
        var columns: [String] = []
        if partitions { columns.append("\(partition.partition)") }
        if offsets { columns.append("\(record.offset)") }
        if timestamps { columns.append("\(record.timestamp)") }
        if headers {
            let texts = try record.headers().map { header in
                "\(header.name)=\(header.value.map { String(decoding: $0, as: UTF8.self) } ?? "null")"
            }
            columns.append(texts.joined(separator: ","))
        }
        if keys { columns.append(try text(record.key, keyType, "key", record, partition)) }
        columns.append(try text(record.value, valueType, "value", record, partition))
        return columns.joined(separator: "\t")
    }

    private func text(
        _ bytes: UnsafeRawBufferPointer?, _ form: TextForm, _ part: String, _ record: RecordView,
        _ partition: TopicPartition
    ) throws -> String {
        guard let bytes else { return "null" }
        do {
            return try form.text(bytes)
        } catch {
            throw CommandFailure(
                "the \(part) of \(partition) at offset \(record.offset) is no \(form.rawValue): \(error); "
                    + "choose another --\(part)-type")
        }
    }
}
