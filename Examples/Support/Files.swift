public import Foundation

/// Why a file could not be made or written, as a sentence.
public struct FileProblem: Error, CustomStringConvertible {
    public let description: String

    /// - Parameter code: the system's `errno`.
    init(_ path: String, code: Int32) {
        description = "'\(path)' cannot be written: \(String(cString: strerror(code)))"
    }
}

extension Data {
    /// Writes a file, whole or not at all; what is there and is no file, a pipe for example, is written to as it is.
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

/// Makes a directory, and those above it, where they are not there.
/// - Throws: `FileProblem`.
public func makeDirectory(_ path: String) throws(FileProblem) {
    for end in path.indices.dropFirst() where path[end] == "/" { mkdir(String(path[..<end]), 0o755) }
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw FileProblem(path, code: errno) }
}

/// Tells people something, on standard error. That it cannot be written there is no failure.
public func tell(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Lets go of what `print` holds back.
/// - Throws: `FileProblem` where it could not be written.
public func finishOutput() throws(FileProblem) {
    if fflush(nil) != 0 { throw FileProblem("standard output", code: errno) }
}
