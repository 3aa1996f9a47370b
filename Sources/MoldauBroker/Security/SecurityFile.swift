// Users and access rules, in one file each in the data directory: `users.json` and `access.json`.
//
//     { "body": { … }, "checksum": 3282348724, "version": 1 }
//
// The checksum is the CRC-32C of the body alone as JSON, with sorted keys and without spaces. Only the owner of the
// process may read them, like all files of the directory.

internal import MoldauLog
internal import MoldauRecords

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads and writes one of the files.
struct SecurityFile<Files: FileSystem, Body: Codable & Sendable>: Sendable {
    private struct Contents: Codable {
        var version: Int
        var checksum: UInt32
        var body: Body
    }

    private static var version: Int { 1 }

    private let files: Files
    private let directory: String
    let path: String

    init(_ files: Files, directory: String, name: String) {
        self.files = files
        self.directory = directory
        path = "\(directory)/\(name)"
    }

    /// nil if the file does not exist.
    /// - Throws: `LogError.damagedFile`, `.io`.
    func read() throws(LogError) -> Body? {
        guard let bytes = try files.contents(of: path) else { return nil }
        let contents: Contents
        let checksum: UInt32
        do {
            contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
            checksum = try Self.checksum(of: contents.body)
        } catch {
            throw damaged("\(error)")
        }
        guard contents.version == Self.version else {
            throw .damagedFile(
                path: path,
                reason:
                    "it has version \(contents.version), but this program knows only version \(Self.version); open the "
                    + "directory with the program that wrote it")
        }
        guard contents.checksum == checksum else {
            throw damaged("its checksum does not match its content, so it has changed since it was written")
        }
        return contents.body
    }

    /// Replaces the file atomically and durably.
    func write(_ body: Body) throws(LogError) {
        let bytes: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            bytes = try encoder.encode(
                Contents(version: Self.version, checksum: try Self.checksum(of: body), body: body))
        } catch {
            throw .damagedFile(path: path, reason: "\(error)")
        }
        try files.replace(path, with: Array(bytes), in: directory, sync: true)
    }

    func damaged(_ reason: String) -> LogError {
        .damagedFile(path: path, reason: "\(reason); restore it from a copy, or remove it and create it again")
    }

    private static func checksum(of body: Body) throws -> UInt32 {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(body).withUnsafeBytes { crc32c($0) }
    }
}
