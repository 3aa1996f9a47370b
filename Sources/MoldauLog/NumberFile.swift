// A number in its own small file: its decimal digits, a space, and their CRC-32C in decimal. Digits alone would not be
// enough: after a crash, a file that was replaced without a sync may contain other digits.

internal import MoldauRecords

extension FileSystem {
    /// The number that a file holds; nil if the file is missing or its checksum does not match.
    package func number(at path: String) throws(LogError) -> Int64? {
        guard let bytes = try contents(of: path) else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: " "))
        guard parts.count == 2, UInt32(String(decoding: parts[1], as: UTF8.self)) == crc32c(of: Array(parts[0])) else {
            return nil
        }
        return Int64(String(decoding: parts[0], as: UTF8.self))
    }

    /// Atomically replaces the file's content by a number. Durable on return if `sync` is set.
    package func replace(
        _ path: String, with number: Int64, in directory: String, sync: Bool
    ) throws(LogError) {
        let digits = Array(String(number).utf8)
        try replace(path, with: digits + Array(" \(crc32c(of: digits))".utf8), in: directory, sync: sync)
    }
}
