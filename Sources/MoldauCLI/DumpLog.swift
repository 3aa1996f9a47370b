import ArgumentParser
import Foundation
import MoldauRecords

/// `moldau dump-log`: the batches of segment files, in the words of Kafka's kafka-dump-log.
struct DumpLog: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the batches of a partition's segment files, Moldau's or a Kafka broker's.",
        discussion: """
            Reads the files as they are, even while a process writes to them: an incomplete batch at the end is reported. \
            Ends with an error if a batch is damaged.
            """)

    @Option(name: .customLong("files"), help: "Segment files, such as data/topics/orders-0/00000000000000000000.log.")
    var paths: String

    @Flag(help: "Print the records of each batch as well.")
    var printDataLog = false

    @Option(help: "The type of the keys: string or bytes (both printed as they are), int64 or hex.")
    var keyType = TextForm.string

    @Option(help: "The type of the values: string or bytes (both printed as they are), int64 or hex.")
    var valueType = TextForm.string

    func run() throws {
        let output = LineOutput()
        for path in paths.split(separator: ",").map(String.init) {
            let file: Data
            do {
                file = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
            } catch {
                throw CommandFailure("'\(path)' cannot be read: \(error.localizedDescription)")
            }
            try output.write("Dumping \(path)")
            do {
                try file.withUnsafeBytes { try dump($0, to: output) }
            } catch let error as RecordBatchError {
                try output.flush()
                throw CommandFailure("'\(path)': \(error)")
            }
        }
        try output.flush()
    }

    private func dump(_ file: UnsafeRawBufferPointer, to output: LineOutput) throws {
        var position = 0
        while position < file.count {
            let rest = UnsafeRawBufferPointer(rebasing: file[position...])
            // Preallocated space after the last batch is all zeros.
            if rest.prefix(BatchFormat.lengthEnd).allSatisfy({ $0 == 0 }) { break }
            let header: RecordBatchHeader
            do throws(RecordBatchError) {
                header = try RecordBatchHeader(rest)
                guard header.byteCount <= rest.count else {
                    throw .truncated(needed: header.byteCount, got: rest.count)
                }
            } catch {
                guard case .truncated = error else { throw error }
                return try output.write("the last batch, at position \(position), is incomplete: \(error)")
            }
            let batch = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
            try output.write(Self.line(of: header, at: position))
            try header.validateChecksum(batch)
            if printDataLog { try dump(recordsOf: batch, header, to: output) }
            position += header.byteCount
        }
    }

    private static func line(of header: RecordBatchHeader, at position: Int) -> String {
        let producer = header.producer
        let lastSequence = producer.baseSequence < 0 ? -1 : producer.baseSequence &+ header.lastOffsetDelta
        let fields: [(String, Any)] = [
            ("baseOffset", header.baseOffset.value), ("lastOffset", header.lastOffset.value),
            ("count", header.recordCount), ("baseSequence", producer.baseSequence), ("lastSequence", lastSequence),
            ("producerId", producer.id), ("producerEpoch", producer.epoch),
            ("partitionLeaderEpoch", header.leaderEpoch), ("isTransactional", producer.isTransactional),
            ("isControl", header.isControl), ("position", position),
            (header.isLogAppendTime ? "LogAppendTime" : "CreateTime", header.maxTimestamp.ms),
            ("size", header.byteCount), ("magic", 2),
            ("compresscodec", Compression(rawValue: header.codec)?.name ?? "\(header.codec)"),
            ("crc", header.checksum),
        ]
        return fields.map { "\($0.0): \($0.1)" }.joined(separator: " ")
    }

    private func dump(
        recordsOf batch: UnsafeRawBufferPointer, _ header: RecordBatchHeader, to output: LineOutput
    ) throws {
        // The record of a control batch is not text.
        if header.isControl { return }
        var reader = RecordBatchReader(batch)
        while let record = try reader.next() {
            let names = try record.headers().map(\.name).joined(separator: ",")
            var line = Array(
                ("| offset: \(record.offset.value) CreateTime: \(record.timestamp.ms) "
                    + "keySize: \(record.key?.count ?? -1) valueSize: \(record.value?.count ?? -1) headerKeys: [\(names)]")
                    .utf8)
            if let key = record.key { line += Array(" key: ".utf8) + (try text(key, keyType, "key", record)) }
            if let value = record.value {
                line += Array(" payload: ".utf8) + (try text(value, valueType, "value", record))
            }
            try output.write(line)
        }
    }

    private func text(
        _ bytes: UnsafeRawBufferPointer, _ form: TextForm, _ part: String, _ record: RecordView
    ) throws -> [UInt8] {
        do {
            return try form.text(bytes)
        } catch {
            throw CommandFailure(
                "the \(part) at offset \(record.offset) is not \(form.rawValue): \(error); choose another --\(part)-type"
            )
        }
    }
}
