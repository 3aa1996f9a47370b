import ArgumentParser
import Foundation

/// Something to read lines from.
struct InputSource {
    /// The key of the records: the absolute path, or `standard input`.
    let name: String
    /// 0 if unknown.
    let byteCount: Int
    /// Whether its bytes keep their positions, so that a later run can tell what is new.
    let isFile: Bool

    static let standardInput = InputSource(name: "standard input", byteCount: 0, isFile: false)

    /// The files that the arguments stand for, each once.
    /// - Throws: `ValidationError` if something does not exist.
    static func expand(_ arguments: [String]) throws -> [InputSource] {
        if arguments.isEmpty { return [.standardInput] }
        var seen: Set<String> = []
        return try arguments.flatMap { try expand($0) }.filter { seen.insert($0.name).inserted }
    }

    private static func expand(_ argument: String) throws -> [InputSource] {
        if argument == "-" { return [.standardInput] }
        let url = URL(filePath: argument).standardizedFileURL.resolvingSymlinksInPath()
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw ValidationError("there is no file or folder '\(argument)'")
        }
        return isFolder.boolValue ? textFiles(in: url) : [InputSource(url)]
    }

    private init(name: String, byteCount: Int, isFile: Bool) {
        self.name = name
        self.byteCount = byteCount
        self.isFile = isFile
    }

    private init(_ url: URL) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
        let isFile = attributes?[.type] as? FileAttributeType == .typeRegular
        self.init(name: url.path, byteCount: isFile ? attributes?[.size] as? Int ?? 0 : 0, isFile: isFile)
    }

    /// The files in a folder and its subfolders, without hidden files and files whose beginning contains a zero byte.
    private static func textFiles(in folder: URL) -> [InputSource] {
        let found = FileManager.default.enumerator(
            at: folder, includingPropertiesForKeys: [.isRegularFileKey], options: [.skipsHiddenFiles])
        let urls = (found?.allObjects as? [URL] ?? []).sorted { $0.path < $1.path }
        return urls.map { InputSource($0.standardizedFileURL) }.filter { $0.isFile && $0.looksLikeText }
    }

    private var looksLikeText: Bool {
        guard let handle = FileHandle(forReadingAtPath: name) else { return false }
        defer { try? handle.close() }
        guard let beginning = try? handle.read(upToCount: 8_192) else { return true }
        return !beginning.contains(0)
    }
}
