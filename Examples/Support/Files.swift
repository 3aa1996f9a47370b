public import Foundation

/// A sentence that says why a file could not be created or written.
public struct FileProblem: Error, CustomStringConvertible {
    public let description: String

    /// - Parameter code: the system's `errno`.
    init(_ path: String, code: Int32) {
        description = "'\(path)' cannot be written: \(String(cString: strerror(code)))"
    }
}

extension Data {
    /// Writes a file completely or not at all. An existing path that is not a regular file, for example a pipe, is
    /// written to directly.
    /// - Throws: `FileProblem`.
    public func write(toFile path: String) throws(FileProblem) {
        var found = stat()
        let isSpecial = stat(path, &found) == 0 && found.st_mode & S_IFMT != S_IFREG
        let unfinished = isSpecial ? path : "\(path).unfinished"
        let descriptor = open(unfinished, isSpecial ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw FileProblem(path, code: errno) }
        var rest = self[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                let code = errno
                close(descriptor)
                if !isSpecial { unlink(unfinished) }
                throw FileProblem(path, code: code)
            }
        }
        guard close(descriptor) == 0, isSpecial || rename(unfinished, path) == 0 else {
            let code = errno
            if !isSpecial { unlink(unfinished) }
            throw FileProblem(path, code: code)
        }
    }
}

/// Creates a directory and its parents if they do not exist.
/// - Throws: `FileProblem`.
public func makeDirectory(_ path: String) throws(FileProblem) {
    for end in path.indices.dropFirst() where path[end] == "/" { mkdir(String(path[..<end]), 0o755) }
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw FileProblem(path, code: errno) }
}

/// Prints a message on standard error. If it cannot be written, that is not a failure.
public func tell(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Flushes what `print` has buffered.
/// - Throws: `FileProblem` if it could not be written.
public func finishOutput() throws(FileProblem) {
    if fflush(nil) != 0 { throw FileProblem("standard output", code: errno) }
}
